"""The patch: from now on whatever GluonCV builds has DO-Conv, with every layer and parameter name as it was."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import partial
from typing import Any, Iterable, Iterator

from ..errors import DOConvError, DOConvWarning
from .build_hook import hook_builds
from .converter import Converter
from .estimators import hook_estimators
from .exports import fold_exports
from .loading import load_any_form
from .state import PATCH, is_patched
from .trainer_guard import refuse_plain_trainers
from .versions import warn_of_untested_versions

BUILT_ELSEWHERE = (
    "The network was built before gluon_doconv.patch(), or not by GluonCV (then call "
    "gluon_doconv.over_parameterize(net))."
)


def patch(
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    stages: int | Iterable[int] | None = None,
    part: str | None = None,
    d_mul: int | None = None,
    d_initializer: str = "identity",
    d_wd_mult: float = 1.0,
) -> Converter:
    """From now on, give DO-Conv to whatever GluonCV builds, before or after gluoncv is imported.

    Networks come out with every layer and parameter name as it was, and load plain and DO-Conv files through
    their own ``load_parameters``. What they ``export`` is folded. A Trainer of convolutions without any D is
    refused.

    Parameters
    ----------
    include, exclude, stages, part : see :class:`~gluon_doconv.select.Selection`
    d_mul, d_initializer, d_wd_mult : see :class:`~gluon_doconv.options.Options`

    Returns
    -------
    Converter
        Its ``built`` lists the networks built so far.

    Raises
    ------
    DOConvError
        If a selection or an option is not valid; and later, where a network is built in which nothing matches.

    Warns
    -----
    DOConvWarning
        If it is patched already, and then the old patch stays; or on versions that were not tested.
    """
    if PATCH.converter is not None:
        warnings.warn("GluonCV is patched already; nothing was changed", DOConvWarning, stacklevel=2)
        return PATCH.converter
    converter = Converter.of(include, exclude, stages, part, d_mul, d_initializer, d_wd_mult)
    warn_of_untested_versions()
    return PATCH.start(
        converter,
        partial(hook_builds, converter),
        load_any_form,
        fold_exports,
        hook_estimators,
        partial(refuse_plain_trainers, BUILT_ELSEWHERE),
    )


def unpatch() -> None:
    """Undo :func:`patch`: MXNet and GluonCV are what they were, object for object. Networks keep their D."""
    if not is_patched():
        warnings.warn("GluonCV is not patched; nothing was changed", DOConvWarning, stacklevel=2)
    PATCH.stop()


@contextmanager
def patched(**kwargs: Any) -> Iterator[Converter]:
    """:func:`patch` for the length of a ``with`` block; takes the same arguments.

    Raises
    ------
    DOConvError
        At the end, if GluonCV built no network in the block.
    """
    converter = patch(**kwargs)
    try:
        yield converter
    finally:
        unpatch()
    if not converter.built:
        raise DOConvError("the patch took no effect: GluonCV built no network with convolutions in this block")

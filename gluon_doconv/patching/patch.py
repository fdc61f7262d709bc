"""The patch: from now on whatever GluonCV builds has DO-Conv, with every layer and parameter name as it was."""

from __future__ import annotations

import warnings
from contextlib import ExitStack, contextmanager
from typing import Any, Iterable, Iterator

from ..core.config import DOConvConfig
from ..errors import DOConvError, DOConvWarning
from .build_hook import BuildHook
from .converter import Converter
from .estimators import hook_estimators
from .exports import fold_exports
from .loading import load_any_form
from .trainer_guard import refuse_plain_trainers
from .versions import warn_of_untested_versions

_active: Converter | None = None
_undo = ExitStack()


def patch(
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    stages: int | Iterable[int] | None = None,
    part: str | None = None,
    d_mul: int | None = None,
    d_initializer: str = "identity",
    composition: str = "kernel",
    d_wd_mult: float = 1.0,
) -> Converter:
    """From now on, give DO-Conv to whatever GluonCV builds, before or after gluoncv is imported.

    Networks come out with every layer and parameter name as it was, and load plain and DO-Conv files through
    their own ``load_parameters``. What they ``export`` is folded. A Trainer of convolutions without any D is
    refused.

    Parameters
    ----------
    include, exclude, stages, part : which convolutions; by default all. See :class:`DOConvConfig`
    d_mul, d_initializer, composition, d_wd_mult : what each becomes. See :class:`DOConvConfig`

    Returns
    -------
    Converter
        Its ``built`` lists the networks built so far.

    Raises
    ------
    DOConvError
        If a value is not valid; and later, where a network is built in which nothing matches.

    Warns
    -----
    DOConvWarning
        If it is patched already, and then the old patch stays; or on versions that were not tested.
    """
    return patch_as(DOConvConfig(include, exclude, stages, part, d_mul, d_initializer, composition, d_wd_mult))


def patch_as(config: DOConvConfig) -> Converter:
    """:func:`patch` for a config already made."""
    global _active
    if _active is not None:
        warnings.warn("GluonCV is patched already; nothing was changed", DOConvWarning, stacklevel=3)
        return _active
    converter = Converter(config)
    warn_of_untested_versions()
    builds = BuildHook(converter)
    builds.start()
    _undo.callback(builds.stop)
    _undo.callback(load_any_form())
    _undo.callback(fold_exports())
    _undo.callback(hook_estimators())
    reason = (
        "The network was built before gluon_doconv.patch(), or not by GluonCV (then call "
        "gluon_doconv.over_parameterize(net))."
    )
    _undo.callback(refuse_plain_trainers(converter, reason))
    _active = converter
    return converter


def unpatch() -> None:
    """Undo :func:`patch`: MXNet and GluonCV are what they were, object for object. Networks keep their D."""
    global _active
    if _active is None:
        warnings.warn("GluonCV is not patched; nothing was changed", DOConvWarning, stacklevel=2)
        return
    _undo.close()
    _active = None


def is_patched() -> bool:
    """Whether :func:`patch` is in force."""
    return _active is not None


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

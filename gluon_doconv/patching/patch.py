"""The patch: from now on whatever GluonCV builds has DO-Conv, with every layer and parameter name as it was."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import Any, Iterable, Iterator

from mxnet.gluon import Block

from ..core.config import DOConvConfig
from ..errors import DOConvError, DOConvWarning
from ..monkeypatch import Undo
from .build_hook import hook_builds
from .converter import Converter
from .estimators import hook_estimators
from .exports import fold_exports
from .loading import give_back, load_d_of_files
from .state import PATCHES
from .trainer_guard import guard_trainers, require_doconv_trained
from .versions import warn_of_untested_versions

BUILT_ELSEWHERE = (
    "The network was built before gluon_doconv.patch(), or not by GluonCV (then call "
    "gluon_doconv.over_parameterize(net), or run the script with --all-networks)."
)


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
    """Give DO-Conv to whatever GluonCV builds from now on, be gluoncv imported before or after.

    Networks come out with every layer and parameter name as it was, and load plain and DO-Conv files through
    their own ``load_parameters``. What they ``export`` is folded. A Trainer of convolutions without any D is
    refused.

    Parameters
    ----------
    include, exclude : str or iterable of str, optional
        Regular expressions, searched for in a layer's structural name and in its Gluon name. Nothing to
        include means everything.
    stages : int or iterable of int, optional
        The paper's stages (Table 6): 0 is the stem, 1 to 4 are those of a ResNet, 1 to 3 on CIFAR.
    part : {'backbone', 'head'}, optional
        Only this part of a segmentation or detection network.
    d_mul : int, optional
        Depth multiplier, at least M·N; by default M·N, the paper's choice.
    d_initializer : {'identity', 'he'}
        How D starts. With the identity the network computes what it computed before (Table 7).
    composition : {'kernel', 'feature', 'auto'}
        Which of the two equal compositions (equation 3) trains; ``'auto'`` is the one of fewer MACCs for the
        input's size.
    d_wd_mult : float
        Weight-decay multiplier of D. Decay pulls D to the identity; 0 leaves D undecayed.

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

    Examples
    --------
    >>> converter = doconv.patch(stages=[0, 1])
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> doconv.unpatch()
    >>> converter.built[0].doconv, converter.built[0].convolutions
    (7, 21)
    """
    return patch_as(DOConvConfig(include, exclude, stages, part, d_mul, d_initializer, composition, d_wd_mult))


def patch_as(config: DOConvConfig) -> Converter:
    """:func:`patch` for a config already made."""
    active = PATCHES.converter
    if active is not None:
        warnings.warn("GluonCV is patched already; nothing was changed", DOConvWarning, stacklevel=3)
        return active
    warn_of_untested_versions()
    return PATCHES.start(Converter(config), *HOOKS)


def _convert_builds() -> Undo:
    return hook_builds(_convert)


def _convert(net: Block) -> None:
    converter = PATCHES.converter
    if converter is not None:  # which a network that outlives its block may find
        give_back(net)
        converter(net)


def _guard_trainers() -> Undo:
    return guard_trainers(BUILT_ELSEWHERE)


HOOKS = (_convert_builds, load_d_of_files, fold_exports, hook_estimators, _guard_trainers)


def unpatch() -> None:
    """Undo :func:`~gluon_doconv.patch`: MXNet and GluonCV are what they were, object for object.

    Networks that are built keep their D.

    Warns
    -----
    DOConvWarning
        If GluonCV is not patched; nothing is changed.

    Examples
    --------
    >>> _ = doconv.patch()
    >>> doconv.unpatch()
    >>> doconv.is_patched()
    False
    """
    active = PATCHES.converter
    if active is None:
        warnings.warn("GluonCV is not patched; nothing was changed", DOConvWarning, stacklevel=2)
    PATCHES.stop(active)


@contextmanager
def patched(**kwargs: Any) -> Iterator[Converter]:
    """Patch for the length of a ``with`` block.

    Within another block, or another patch, this one is in force until it ends, and then that again; both list
    what is built. Threads may have a block each; one without is under the block that was entered last.

    Parameters
    ----------
    **kwargs
        The arguments of :func:`~gluon_doconv.patch`.

    Yields
    ------
    Converter
        Its ``built`` lists the networks built so far.

    Raises
    ------
    DOConvError
        At the end, if GluonCV built no network in the block.

    Examples
    --------
    >>> with doconv.patched(d_mul=18):
    ...     net = get_model("cifar_resnet20_v1")
    >>> doconv.summary(net).layers[0].d_mul
    18
    """
    warn_of_untested_versions()
    converter = PATCHES.start(Converter(DOConvConfig(**kwargs), within=PATCHES.converter), *HOOKS)
    try:
        yield converter
        require_doconv_trained(converter)
    finally:
        PATCHES.stop(converter)
    if not converter.built:
        raise DOConvError("the patch took no effect: GluonCV built no network with convolutions in this block")

"""Names in GluonCV's registry: ``NAME_doconv`` beside every NAME, and the paper's networks that it lacks."""

from __future__ import annotations

import warnings
from functools import partial, wraps
from typing import Any, Callable

from mxnet.gluon import HybridBlock

from ..core.config import DOConvConfig
from ..errors import DOConvWarning
from ..monkeypatch import Undo
from .converter import Converter
from .exports import fold_exports
from .loading import load_d_of_files
from .state import REGISTRY

SUFFIX = "_doconv"


def register(**kwargs: Any) -> Converter:
    """Register a ``NAME_doconv`` beside every NAME of GluonCV's zoo.

    What ``get_model`` is asked for by such a name has DO-Conv, and whatever else is built has not. Networks
    load plain and DO-Conv files through their own ``load_parameters``, and what they ``export`` is folded.

    Networks that the paper trains and GluonCV lacks (``cifar_plain20_v1``, ``plain18_v1``,
    ``cifar_resnet164_v1``, ``cifar_resnet164_v2``) are registered under both names.

    Parameters
    ----------
    **kwargs
        The arguments of :func:`~gluon_doconv.patch`.

    Returns
    -------
    Converter
        Its ``built`` lists the networks asked for so far.

    Raises
    ------
    DOConvError
        If a value is not valid; and later, where a network is built in which nothing matches.

    Warns
    -----
    DOConvWarning
        If they are registered already with another config, which then stays.

    Examples
    --------
    >>> _ = doconv.register()
    >>> net = get_model("cifar_resnet20_v1_doconv", classes=10)
    >>> plain = get_model("cifar_resnet20_v1", classes=10)
    >>> len(doconv.summary(net).doconv), len(doconv.summary(plain).doconv)
    (19, 0)
    >>> doconv.unregister()
    """
    return register_as(DOConvConfig(**kwargs))


def register_as(config: DOConvConfig) -> Converter:
    """:func:`register` for a config already made."""
    wanted, active = Converter(config), REGISTRY.converter
    if active is None:
        return REGISTRY.start(
            wanted, load_d_of_files, register_networks, fold_exports, partial(_add_names, wanted)
        )
    if active != wanted:
        warnings.warn("the names are registered already; nothing was changed", DOConvWarning, stacklevel=3)
    return active


def unregister() -> None:
    """Undo :func:`~gluon_doconv.register`.

    Examples
    --------
    >>> _ = doconv.register()
    >>> doconv.unregister()
    """
    REGISTRY.stop(REGISTRY.converter)


def _add_names(converter: Converter) -> Undo:
    models = _models()
    added = {f"{name}{SUFFIX}": _doconv_factory(factory, converter) for name, factory in models.items()}
    models.update(added)

    def remove() -> None:
        for name in added:
            models.pop(name, None)

    return remove


def _doconv_factory(factory: Callable[..., HybridBlock], converter: Converter) -> Callable[..., HybridBlock]:
    @wraps(factory)
    def build_doconv(*args: Any, **kwargs: Any) -> HybridBlock:
        net = factory(*args, **kwargs)
        converter(net)
        return net

    return build_doconv


def _models() -> dict[str, Callable[..., HybridBlock]]:
    from gluoncv.model_zoo import model_zoo

    return model_zoo._models


def register_networks() -> Undo:
    """Let GluonCV's ``get_model`` find these networks beside its own; what is returned undoes it."""
    from ..zoo.networks import NETWORKS

    models = _models()
    models.update(NETWORKS)

    def unregister() -> None:
        for name in NETWORKS:
            models.pop(name, None)

    return unregister

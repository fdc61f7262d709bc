"""Names in GluonCV's registry: ``NAME_doconv`` beside every NAME, and the paper's networks that it lacks."""

from __future__ import annotations

import functools
import warnings
from contextlib import ExitStack
from typing import Any, Callable

from mxnet.gluon import HybridBlock

from ..core.config import DOConvConfig
from ..errors import DOConvWarning
from ..monkeypatch import Undo, shared
from .converter import Converter
from .exports import fold_exports
from .loading import load_any_form

SUFFIX = "_doconv"

_active: Converter | None = None
_undo = ExitStack()


def register(**kwargs: Any) -> Converter:
    """Register a ``NAME_doconv`` beside every NAME of GluonCV's zoo; takes the arguments of ``patch``.

    What ``get_model`` is asked for by such a name has DO-Conv, and whatever else is built has not. Networks
    load plain and DO-Conv files through their own ``load_parameters``, and what they ``export`` is folded.

    The networks of :mod:`~gluon_doconv.zoo.networks`, which GluonCV lacks, are registered under both names.

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
    """
    return register_as(DOConvConfig(**kwargs))


def register_as(config: DOConvConfig) -> Converter:
    """:func:`register` for a config already made."""
    global _active
    wanted = Converter(config)
    if _active is None:
        _active = wanted
        _undo.callback(load_any_form())
        _undo.callback(register_networks())
        _undo.callback(fold_exports())
        _undo.callback(_add_names(wanted))
    elif _active != wanted:
        warnings.warn("the names are registered already; nothing was changed", DOConvWarning, stacklevel=3)
    return _active


def unregister() -> None:
    """Undo :func:`register`."""
    global _active
    _undo.close()
    _active = None


def _add_names(converter: Converter) -> Callable[[], None]:
    models = _models()
    added = {f"{name}{SUFFIX}": _doconv_factory(factory, converter) for name, factory in models.items()}
    models.update(added)

    def remove() -> None:
        for name in added:
            models.pop(name, None)

    return remove


def _doconv_factory(factory: Callable[..., HybridBlock], converter: Converter) -> Callable[..., HybridBlock]:
    @functools.wraps(factory)
    def build_doconv(*args: Any, **kwargs: Any) -> HybridBlock:
        net = factory(*args, **kwargs)
        converter(net)
        return net

    return build_doconv


def _models() -> dict[str, Callable[..., HybridBlock]]:
    from gluoncv.model_zoo import model_zoo

    return model_zoo._models


@shared
def register_networks() -> Undo:
    """Let GluonCV's ``get_model`` find these networks beside its own; what is returned undoes it."""
    from ..zoo.networks import NETWORKS

    models = _models()
    models.update(NETWORKS)

    def unregister() -> None:
        for name in NETWORKS:
            models.pop(name, None)

    return unregister

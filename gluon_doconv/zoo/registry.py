"""GluonCV's model zoo."""

from __future__ import annotations

import difflib
import functools
import warnings
from contextlib import ExitStack
from typing import Any, Callable

from mxnet.gluon import HybridBlock

from ..errors import DOConvError, DOConvWarning
from .conversion import Conversion
from .exports import fold_exports
from .loading import load_any_form

SUFFIX = "_doconv"

_active: Conversion | None = None
_undo = ExitStack()


def build(model: str, classes: int | None = None) -> HybridBlock:
    """A network of GluonCV's zoo, or of :mod:`~gluon_doconv.zoo.networks`, without pretrained weights.

    Raises
    ------
    DOConvError
        If there is no such model; near names are listed.
    """
    from .networks import NETWORKS

    models = {**_models(), **NETWORKS}
    if model.lower() not in models:
        near = difflib.get_close_matches(model.lower(), models, 5, 0.5)
        raise DOConvError(
            f"GluonCV has no model {model!r}" + (f"; near names: {', '.join(near)}" if near else "")
        )
    factory = models[model.lower()]
    chosen = {} if classes is None else {"classes": classes}
    chosen["pretrained"] = False  # the default, but some factories insist on being told
    try:
        return factory(pretrained_base=False, **chosen)
    except TypeError:  # a classification network has no base
        return factory(**chosen)


def register(**kwargs: Any) -> Conversion:
    """Register a ``NAME_doconv`` beside every NAME of GluonCV's zoo; takes the arguments of ``patch``.

    What ``get_model`` is asked for by such a name has DO-Conv, and whatever else is built has not. Networks
    load plain and DO-Conv files through their own ``load_parameters``, and what they ``export`` is folded.

    The networks of :mod:`~gluon_doconv.zoo.networks`, which GluonCV lacks, are registered under both names.

    Returns
    -------
    Conversion
        Its ``built`` lists the networks asked for so far.

    Raises
    ------
    DOConvError
        If a selection or an option is not valid; and later, where a network is built in which nothing matches.

    Warns
    -----
    DOConvWarning
        If they are registered already with another selection or other options, which then stay.
    """
    from .networks import register_networks

    global _active
    wanted = Conversion.of(**kwargs)
    if _active is None:
        _active = wanted
        _undo.callback(load_any_form())
        _undo.callback(register_networks())
        _undo.callback(fold_exports())
        _undo.callback(_add_names(wanted))
    elif _active != wanted:
        warnings.warn("the names are registered already; nothing was changed", DOConvWarning, stacklevel=2)
    return _active


def unregister() -> None:
    """Undo :func:`register`."""
    global _active
    _undo.close()
    _active = None


def _add_names(conversion: Conversion) -> Callable[[], None]:
    models = _models()
    added = {f"{name}{SUFFIX}": _doconv_factory(factory, conversion) for name, factory in models.items()}
    models.update(added)

    def remove() -> None:
        for name in added:
            models.pop(name, None)

    return remove


def _doconv_factory(factory: Callable[..., HybridBlock], conversion: Conversion) -> Callable[..., HybridBlock]:
    @functools.wraps(factory)
    def build_doconv(*args: Any, **kwargs: Any) -> HybridBlock:
        net = factory(*args, **kwargs)
        conversion(net)
        return net

    return build_doconv


def _models() -> dict[str, Callable[..., HybridBlock]]:
    from gluoncv.model_zoo import model_zoo

    return model_zoo._models

"""GluonCV's model zoo."""

from __future__ import annotations

import difflib
import functools
from typing import Any, Callable

from mxnet.gluon import HybridBlock

from ..convert import over_parameterize
from ..errors import DOConvError


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
    try:
        return factory(pretrained_base=False, **chosen)
    except TypeError:  # a classification network has no base
        return factory(**chosen)


SUFFIX = "_doconv"


def register() -> list[str]:
    """Register a ``NAME_doconv`` beside every NAME of GluonCV's zoo, for ``get_model``. Idempotent.

    The networks of :mod:`~gluon_doconv.zoo.networks`, which GluonCV lacks, are registered before.

    Returns
    -------
    The registered names.
    """
    from .networks import register_networks

    register_networks()
    models = _models()
    for name in [name for name in models if not name.endswith(SUFFIX)]:
        models.setdefault(f"{name}{SUFFIX}", _doconv_factory(models[name]))
    return [name for name in models if name.endswith(SUFFIX)]


def unregister() -> None:
    """Undo :func:`register`."""
    from .networks import unregister_networks

    unregister_networks()
    models = _models()
    for name in [name for name in models if name.endswith(SUFFIX)]:
        del models[name]


def _doconv_factory(factory: Callable[..., HybridBlock]) -> Callable[..., HybridBlock]:
    @functools.wraps(factory)
    def build_doconv(*args: Any, **kwargs: Any) -> HybridBlock:
        net = factory(*args, **kwargs)
        over_parameterize(net)
        return net

    return build_doconv


def _models() -> dict[str, Callable[..., HybridBlock]]:
    from gluoncv.model_zoo import model_zoo

    return model_zoo._models

"""GluonCV's model zoo."""

from __future__ import annotations

import difflib
import functools
from typing import Any, Callable

from mxnet.gluon import HybridBlock

from ..convert import over_parameterize
from ..errors import DOConvError


def build(model: str, classes: int | None = None) -> HybridBlock:
    """A network of GluonCV's zoo, without pretrained weights and so without a download.

    Raises
    ------
    DOConvError
        If there is no such model; near names are listed.
    """
    from gluoncv.model_zoo import get_model, get_model_list

    if model.lower() not in get_model_list():
        near = difflib.get_close_matches(model.lower(), get_model_list(), 5, 0.5)
        raise DOConvError(
            f"GluonCV has no model {model!r}" + (f"; near names: {', '.join(near)}" if near else "")
        )
    chosen = {} if classes is None else {"classes": classes}
    try:
        return get_model(model, pretrained_base=False, **chosen)
    except TypeError:  # a classification network has no base
        return get_model(model, **chosen)


SUFFIX = "_doconv"


def register() -> list[str]:
    """Register a ``NAME_doconv`` beside every NAME of GluonCV's zoo, for ``get_model``. Idempotent.

    Returns
    -------
    The registered names.
    """
    models = _models()
    for name in [name for name in models if not name.endswith(SUFFIX)]:
        models.setdefault(f"{name}{SUFFIX}", _doconv_factory(models[name]))
    return [name for name in models if name.endswith(SUFFIX)]


def unregister() -> None:
    """Undo :func:`register`."""
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

"""Build a network of GluonCV's zoo by its name."""

from __future__ import annotations

import difflib
from typing import Callable

from gluoncv.model_zoo import model_zoo
from mxnet.gluon import HybridBlock

from ..errors import DOConvError
from .networks import NETWORKS


def build(model: str, classes: int | None = None) -> HybridBlock:
    """A network of GluonCV's zoo, or of :mod:`~gluon_doconv.zoo.networks`, without pretrained weights.

    Raises
    ------
    DOConvError
        If there is no such model; near names are listed.
    """
    models: dict[str, Callable[..., HybridBlock]] = {**model_zoo._models, **NETWORKS}
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

"""Build a network of GluonCV's zoo by its name."""

from __future__ import annotations

import difflib
from typing import Any, Callable, Iterator

from gluoncv.model_zoo import model_zoo
from mxnet.gluon import HybridBlock

from ..errors import DOConvError
from .networks import NETWORKS


def build(model: str, classes: int | None = None) -> HybridBlock:
    """Build a network of GluonCV's zoo, or of :mod:`~gluon_doconv.zoo.networks`, without pretrained weights.

    Parameters
    ----------
    model : its name
    classes : how many, if not the model's own number

    Raises
    ------
    DOConvError
        If there is no such model (near names are listed), or if its name alone does not suffice to build it.
    """
    factory = _factory(model)
    errors: list[Exception] = []
    for arguments in _arguments(classes):
        try:
            return factory(**arguments)
        except (TypeError, Warning) as error:  # of an argument that it does not know
            errors.append(error)
        except ValueError as error:  # of a base that has no values: what comes next would download them
            raise DOConvError(f"GluonCV does not build {model} without its pretrained base: {error}") from error
    raise DOConvError(f"GluonCV does not build {model} from its name and number of classes: {errors[0]}")


def _factory(model: str) -> Callable[..., HybridBlock]:
    models: dict[str, Callable[..., HybridBlock]] = {**model_zoo._models, **NETWORKS}
    if model.lower() not in models:
        near = difflib.get_close_matches(model.lower(), models, 5, 0.5)
        raise DOConvError(
            f"GluonCV has no model {model!r}" + (f"; near names: {', '.join(near)}" if near else "")
        )
    return models[model.lower()]


def _arguments(classes: int | None) -> Iterator[dict[str, Any]]:
    """Yield what a factory may accept: some have no base to be pretrained, some want their classes by name."""
    plain = {"pretrained": False}  # the default, but some factories insist on being told
    without_base = {**plain, "pretrained_base": False}
    if classes is None:
        yield from (without_base, plain)
        return
    yield {**without_base, "classes": classes}
    yield {**without_base, "classes": [f"class {number}" for number in range(classes)]}
    yield {**without_base, "nclass": classes}
    yield {**plain, "classes": classes}

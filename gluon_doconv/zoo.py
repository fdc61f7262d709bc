"""GluonCV's model zoo."""

from __future__ import annotations

from mxnet.gluon import HybridBlock

from .errors import DOConvError


def build(model: str, classes: int | None = None) -> HybridBlock:
    """A network of GluonCV's zoo, without pretrained weights and so without a download.

    Raises
    ------
    DOConvError
        If there is no such model; near names are listed.
    """
    import difflib

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

"""``reset_class`` of a detector copies kernels into new layers: what it copies from has to be plain."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable

from ..monkeypatch import Undo, when_imported, wrap_method

DETECTOR = "gluoncv.model_zoo.ssd.ssd"


def fold_before_reset_class() -> Undo:
    """Have an SSD fold its class predictors before it is given other classes; the returned call undoes it.

    Of GluonCV's detectors only an SSD predicts classes by kernels with a spatial patch.
    """

    def hook(ssd: ModuleType) -> Undo:
        return wrap_method(ssd.SSD, "reset_class", _reset_class)

    return when_imported(DETECTOR, hook)


def _reset_class(original: Callable[..., None], net: Any, *args: Any, **kwargs: Any) -> None:
    from ..core.convert import fold, is_doconv

    if is_doconv(net.class_predictors):
        fold(net.class_predictors)
    original(net, *args, **kwargs)

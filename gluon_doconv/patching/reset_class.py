"""``reset_class`` of a detector copies kernels into new layers: what it copies from has to be plain."""

from __future__ import annotations

from types import ModuleType

from ..calls import Call
from ..monkeypatch import Undo, intercept, when_imported

DETECTOR = "gluoncv.model_zoo.ssd.ssd"


def fold_before_reset_class() -> Undo:
    """Have an SSD fold its class predictors before it is given other classes; the returned call undoes it.

    Of GluonCV's detectors only an SSD predicts classes by kernels with a spatial patch.
    """

    def hook(ssd: ModuleType) -> Undo:
        return intercept(ssd.SSD, "reset_class", _reset_class)

    return when_imported(DETECTOR, hook)


def _reset_class(call: Call) -> None:
    from ..core.convert import fold, is_doconv

    predictors = call.instance.class_predictors
    if is_doconv(predictors):
        fold(predictors)
    call()

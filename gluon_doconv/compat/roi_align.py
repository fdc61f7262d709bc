"""ROIAlign for the regions of no image, with which GluonCV fills a batch up."""

from __future__ import annotations

from functools import partial
from typing import Any

import mxnet as mx

from ..calls import Call
from ..monkeypatch import Undo, intercept


def masked_roi_align() -> Undo:
    """On the CPU, ROIAlign leaves rows of masked regions (image index < 0) uninitialised; they must be 0."""
    undo_nd, undo_sym = (intercept(F.contrib, "ROIAlign", partial(_masked, F)) for F in (mx.nd, mx.sym))

    def undo() -> None:
        undo_nd()
        undo_sym()

    return undo


def _masked(F: Any, call: Call) -> Any:
    pooled = call(out=None)
    image = F.reshape(F.slice_axis(call["rois"], axis=-1, begin=0, end=1), shape=(-1,))
    present = F.clip(image + 1, 0, 1)  # MXNet translates no comparison of numbers to ONNX
    return F.where(present, pooled, F.zeros_like(pooled), out=call["out"])

"""ROIAlign for the regions of no image, with which GluonCV fills a batch up."""

from __future__ import annotations

import functools
from typing import Any

import mxnet as mx

from ..monkeypatch import Undo


def masked_roi_align() -> Undo:
    """On the CPU, ROIAlign leaves rows of masked regions (image index < 0) uninitialised; they must be 0."""
    undo_nd, undo_sym = (_wrap(F) for F in (mx.nd, mx.sym))

    def undo() -> None:
        undo_nd()
        undo_sym()

    return undo


def _wrap(F: Any) -> Undo:
    original = F.contrib.ROIAlign

    @functools.wraps(original)
    def masked(data: Any, rois: Any, *args: Any, **kwargs: Any) -> Any:
        pooled = original(data, rois, *args, **kwargs)
        image = F.reshape(F.slice_axis(rois, axis=-1, begin=0, end=1), shape=(-1,))
        present = F.clip(image + 1, 0, 1)  # MXNet translates no comparison of numbers to ONNX
        return F.where(present, pooled, F.zeros_like(pooled))

    F.contrib.ROIAlign = masked
    return functools.partial(setattr, F.contrib, "ROIAlign", original)

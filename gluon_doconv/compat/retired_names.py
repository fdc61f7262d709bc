"""Names that other libraries have retired since GluonCV was written: Pillow, SciPy, mxboard."""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType
from typing import Any, Callable

import numpy as np

from ..calls import Call
from ..monkeypatch import Undo, intercept, when_imported


def pillow_names() -> Undo:
    """``PIL.Image.ANTIALIAS``, gone since Pillow 10, is ``LANCZOS``."""
    return when_imported("PIL.Image", _restore_antialias)


def _restore_antialias(image: ModuleType) -> Undo:
    if hasattr(image, "ANTIALIAS"):
        return lambda: None
    vars(image)["ANTIALIAS"] = vars(image)["LANCZOS"]
    return lambda: delattr(image, "ANTIALIAS")


def scipy_names() -> Undo:
    """``scipy.interpolate.interp2d``, of which SciPy 1.14 has left the name, interpolates linearly again."""
    return when_imported("scipy.interpolate", _restore_interp2d)


def _restore_interp2d(interpolate: Any) -> Undo:
    retired = interpolate.interp2d
    try:
        retired([0, 1], [0, 1], [[0, 0], [0, 0]])
        return lambda: None
    except NotImplementedError:
        pass

    def interp2d(x: Any, y: Any, z: Any, fill_value: float | None = None) -> Callable[[Any, Any], Any]:
        """Interpolate ``z`` (len(y), len(x)) linearly; outside it is ``fill_value``, None extends it."""
        grid = interpolate.RegularGridInterpolator((y, x), z, bounds_error=False, fill_value=fill_value)
        return lambda xs, ys: grid(np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1))

    interpolate.interp2d = interp2d
    return lambda: setattr(interpolate, "interp2d", retired)


def mxboard_by_tensorboard() -> Undo:
    """mxboard does not import with a protobuf of today; tensorboardX writes the same files."""
    try:
        importlib.import_module("mxboard")
        return lambda: None
    except (ImportError, TypeError):  # it is not installed; protobuf refuses its messages
        pass
    module = ModuleType("mxboard")
    vars(module)["__getattr__"] = _summary_writer
    sys.modules["mxboard"] = module

    def undo() -> None:
        sys.modules.pop("mxboard", None)

    return undo


def _summary_writer(name: str) -> Any:
    if name != "SummaryWriter":
        raise AttributeError(name)
    from .summary_writer import SummaryWriter

    return SummaryWriter


def keypoint_json() -> Undo:
    """The key-point metric writes what it has found as JSON, which does not know NumPy's numbers."""
    from gluoncv.utils.metrics.coco_keypoints import COCOKeyPointsMetric

    def update(call: Call) -> Any:
        found = call.instance._results
        call.instance._results = json.loads(json.dumps(found, default=lambda number: number.tolist()))
        return call()

    return intercept(COCOKeyPointsMetric, "_update", update)

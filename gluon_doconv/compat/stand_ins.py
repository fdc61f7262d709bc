"""Modules that scripts import and that are not there, or do not import today."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from typing import Any, Callable

from ..monkeypatch import Undo

PIL_TRANSFORMS = ("autogluon", "autogluon.utils", "autogluon.utils.pil_transforms")


def autogluon_transforms() -> Undo:
    """train_horovod imports autogluon's transforms, which images smaller than 320 pixels do not need."""
    names = [name for name in PIL_TRANSFORMS if not _is_module(name)]
    return _stand_in(names, _missing_transform)


def mxboard() -> Undo:
    """mxboard does not import with protobuf 4 and later; tensorboardX writes the same files."""
    try:
        importlib.import_module("mxboard")
    except Exception:  # protobuf has errors of its own
        return _stand_in(["mxboard"], _of_mxboard)
    return lambda: None


def _stand_in(names: list[str], get: Callable[[str], Any]) -> Undo:
    """Make these modules, each in the one before it; the last has whatever ``get`` finds by its name."""
    for name in names:
        sys.modules[name] = module = types.ModuleType(name)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    if names:
        vars(module)["__getattr__"] = get

    def undo() -> None:
        for name in names:
            del sys.modules[name]

    return undo


def _is_module(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of what the name begins with
        return False


def _missing_transform(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(
        f"{name} is one of autogluon's transforms (autogluon.utils.pil_transforms): install autogluon"
    )


def _of_mxboard(name: str) -> Any:
    if name != "SummaryWriter":
        raise AttributeError(f"mxboard does not import; of it there is SummaryWriter alone, not {name}")
    try:
        return _summary_writer()
    except ImportError as error:
        raise ImportError(
            "mxboard does not import, and tensorboardX can stand in: install tensorboardX"
        ) from error


def _summary_writer() -> type:
    """Make mxboard's SummaryWriter of tensorboardX's, as far as GluonCV's scripts use it."""
    import tensorboardX

    class SummaryWriter(tensorboardX.SummaryWriter):
        def __init__(self, logdir: str = "./logs", flush_secs: int = 120, **_: Any) -> None:
            super().__init__(logdir, flush_secs=flush_secs)

        def add_scalar(self, tag: str, value: Any, global_step: int | None = None) -> None:
            """Add a point of a curve, or of each of several that are one plot: a dictionary."""
            add = self.add_scalars if isinstance(value, dict) else super().add_scalar
            add(tag, value, global_step)

        def add_image(self, tag: str, image: Any, global_step: int | None = None) -> None:
            """Add an image (C, H, W), or several side by side (N, C, H, W)."""
            add = self.add_images if image.ndim == 4 else super().add_image
            add(tag, image, global_step)

    return SummaryWriter

"""mxboard's SummaryWriter, written by tensorboardX."""

from __future__ import annotations

from typing import Any

import tensorboardX


class SummaryWriter(tensorboardX.SummaryWriter):
    """What GluonCV's scripts use of mxboard: scalars, also several by name; images as NDArrays (N, C, H, W)."""

    def __init__(self, logdir: str, flush_secs: int = 120, **_: Any) -> None:
        super().__init__(logdir, flush_secs=flush_secs)

    def add_scalar(self, tag: str, value: Any, global_step: int | None = None) -> None:
        """Add a number, or a dictionary of them."""
        if isinstance(value, dict):
            self.add_scalars(tag, {name: _number(one) for name, one in value.items()}, global_step)
        else:
            super().add_scalar(tag, _number(value), global_step)

    def add_image(self, tag: str, image: Any, global_step: int | None = None) -> None:
        """Add a batch of images with values from 0 to 1."""
        self.add_images(tag, image.asnumpy(), global_step)


def _number(value: Any) -> float:
    return float(value.asscalar() if hasattr(value, "asscalar") else value)

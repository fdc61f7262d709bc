"""CIFAR-10 in its binary format, in the one flat folder where MXNet's ``CIFAR10`` looks for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DOConvError
from .scenes import Plan, Scene

SIZE = (32, 32)
HOME = "cifar10"
BATCHES = 5


def write(folder: Path, plan: Plan) -> None:
    """Write five batches to train on and one to test on into ``folder``: the label, then red, green and blue.

    MXNet checks the real data set's checksums: see :func:`gluon_doconv.compat.rehearsal.layout_of`.
    """
    if plan.size != SIZE or plan.images < BATCHES:
        raise DOConvError(f"CIFAR-10 has images of 32x32 pixels, and here at least {BATCHES} of them")
    train = np.stack([_record(scene) for scene in plan.portraits("train")])
    for number, records in enumerate(np.array_split(train, BATCHES), start=1):
        records.tofile(folder / f"data_batch_{number}.bin")
    np.stack([_record(scene) for scene in plan.portraits("val")]).tofile(folder / "test_batch.bin")


def _record(scene: Scene) -> np.ndarray:
    """A picture as bytes, uint8 of shape (3073,)."""
    return np.append(np.uint8(scene.things[0].digit), scene.image.transpose(2, 0, 1))

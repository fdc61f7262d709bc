"""Small data sets of real pixels in the layouts GluonCV reads: rehearse a script before your data arrives.

Handwritten digits lie on photographs, so every mask, box and label is exact. The ten digits are ten classes of
the layout: a zero is an aeroplane in VOC and in COCO alike.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

from ...compat.rehearsal import layout_of
from ...core.arguments import takes
from . import cifar, cityscapes, coco, imagenet, voc
from .digits import DIGITS
from .folder import mark, new_folder
from .scenes import Plan

LAYOUTS: dict[str, ModuleType] = {
    "voc": voc,
    "coco": coco,
    "cityscapes": cityscapes,
    "cifar": cifar,
    "imagenet": imagenet,
}

ALL_DIGITS = tuple(range(DIGITS))

__all__ = ["LAYOUTS", "Plan", "layout_of", "write"]


@takes()
def write(
    layout: str,
    target: str | os.PathLike,
    images: int = 40,
    size: tuple[int, int] | None = None,
    seed: int = 0,
    digits: tuple[int, ...] = ALL_DIGITS,
    **options: Any,
) -> Path:
    """Write a data set into the new or empty folder ``target``, all of it or nothing.

    Parameters
    ----------
    layout : str
        A key of :data:`LAYOUTS`.
    images : int
        How many to train on (VOC: a year); a quarter as many, but at least two, validate, and as many test.
    size : (int, int), optional
        Height and width of the images in pixels; None is the layout's own.
    seed : int
        The same seed writes the same data set, and with more images the same ones first.
    digits : tuple of int
        Which digits occur.
    options
        ``rec=True`` for imagenet: RecordIO files as well.

    Returns
    -------
    pathlib.Path
        The folder, absolute.

    Raises
    ------
    DOConvError
        If ``target`` is not empty or cannot be written, or if ``images`` or ``size`` is too small,
        or if there are no such ``digits``.
    """
    module = LAYOUTS[layout]
    plan = Plan(images, size or module.SIZE, seed, tuple(digits))
    with new_folder(target) as folder:
        module.write(folder, plan, **options)
        mark(folder, layout, plan)
    return Path(target).expanduser().resolve()

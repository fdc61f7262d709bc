"""Predictions of both networks beside the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from ..datasets.digits import DIGITS
from ..figures.canvas import save
from .backbone import MEAN, STD
from .labels import LABELS

COLUMNS = ("photograph", "truth", *LABELS)
ROW, MARGIN = 1.8, 0.6  # inches
COLORS = [  # of the digits: no two are near each other (CIEDE2000 ≥ 30)
    *("hotpink", "dodgerblue", "springgreen", "teal", "darkviolet"),
    *("gold", "olivedrab", "powderblue", "lightsalmon", "firebrick"),
]


class Boxes(NamedTuple):
    """Digits and where they are: boxes (N, 4) in pixels, left, top, right, bottom; digits (N,); scores (N,)."""

    boxes: np.ndarray
    digits: np.ndarray
    scores: np.ndarray


def photograph(data: np.ndarray) -> np.ndarray:
    """Restore the picture, uint8 (H, W, 3), that was normalized into a network's input, (1, 3, H, W)."""
    pixels = data[0].transpose(1, 2, 0) * STD + MEAN
    return (255 * pixels).round().clip(0, 255).astype("uint8")


def draw_masks(
    photos: Sequence[np.ndarray], masks: Sequence[Sequence[np.ndarray]], path: Path, title: str
) -> None:
    """Draw each of ``photos``, uint8 (H, W, 3), beside its ``masks``: truth, plain, DO-Conv.

    A mask is int (H, W): the digit, or −1 where there is none.
    """
    colors = ListedColormap(COLORS)

    def draw(axes: Axes, mask: np.ndarray) -> None:
        axes.imshow(np.ma.masked_less(mask, 0), cmap=colors, vmin=0, vmax=DIGITS - 1, interpolation="nearest")

    _draw_grid(photos, masks, draw, path, title)


def draw_boxes(photos: Sequence[np.ndarray], boxes: Sequence[Sequence[Boxes]], path: Path, title: str) -> None:
    """Draw each of ``photos``, uint8 (H, W, 3), beside its boxes: truth, plain, DO-Conv."""
    _draw_grid(photos, boxes, _draw_boxes, path, title)


def _draw_boxes(axes: Axes, found: Boxes) -> None:
    for (left, top, right, bottom), digit, score in zip(*found):
        color = COLORS[int(digit)]
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, ec=color, lw=1.8))
        text = f"{int(digit)}" if score == 1 else f"{int(digit)}: {score:.0%}"
        box = {"facecolor": color, "edgecolor": "none", "pad": 0.8}
        axes.text(left, top, text, color=_readable_on(color), fontsize=6, va="top", bbox=box, clip_on=True)


def _readable_on(color: str) -> str:
    """Black or white: what differs more from ``color`` in luminance (ITU-R BT.601)."""
    return "black" if np.dot(to_rgb(color), (0.299, 0.587, 0.114)) > 0.5 else "white"


def _draw_grid(
    photos: Sequence[np.ndarray],
    rows: Sequence[Sequence[Any]],
    draw: Callable[[Axes, Any], None],
    path: Path,
    title: str,
) -> None:
    """A row for each photograph: the photograph alone, and once for each thing to ``draw`` on it."""
    height = ROW * len(photos) + 2 * MARGIN
    figure = Figure(figsize=(ROW * len(COLUMNS), height))
    grid = figure.subplots(len(photos), len(COLUMNS), squeeze=False)
    figure.subplots_adjust(0.01, MARGIN / height, 0.99, 1 - MARGIN / height, wspace=0.03, hspace=0.03)
    for photo, row, places in zip(photos, rows, grid):
        places[0].imshow(photo)
        for axes, thing in zip(places[1:], row):
            axes.imshow(photo // 2)  # darker, so that the colours are seen
            draw(axes, thing)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for axes, name in zip(grid[0], COLUMNS):
        axes.set_title(name, fontsize=9, pad=3)
    legend = [Patch(color=color, label=str(digit)) for digit, color in enumerate(COLORS)]
    figure.legend(handles=legend, loc="lower center", ncol=DIGITS, fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10, y=1 - 0.1 / height, va="top")
    save(figure, path)

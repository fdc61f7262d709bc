"""A grid of axes, and the file it is saved to; no screen and no state of Matplotlib's is needed."""

from __future__ import annotations

import os
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure

from ...disk.atomic import write_files

DOTS_PER_INCH = 110


def grid(rows: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """Make a figure of ``width`` × ``height`` inches, and its axes, of shape (rows, columns)."""
    figure = Figure(figsize=(width, height), constrained_layout=True)
    return figure, figure.subplots(rows, columns, squeeze=False)


def hide_from(number: int, axes: np.ndarray) -> None:
    """Hide the places of a grid that ``number`` pictures leave empty."""
    for place in axes.flat[number:]:
        place.set_axis_off()


def save(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure as PNG, atomically."""
    drawn = BytesIO()
    figure.savefig(drawn, dpi=DOTS_PER_INCH, format="png")
    write_files({path: [drawn.getvalue()]})

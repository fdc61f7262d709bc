"""Figure 5: training and validation error over epochs, baseline against DO-Conv, a panel for each network."""

from __future__ import annotations

import os
from math import ceil, sqrt
from pathlib import Path
from textwrap import fill
from typing import Any, Iterable, Sequence

import matplotlib
import numpy as np

from ...errors import DOConvError
from ...files.atomic import atomic
from .configuration import Configuration
from .records import Record

matplotlib.use("Agg")  # a figure is a file, also where there is no screen

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

COLORS = {"baseline": "tab:gray", "DO-Conv": "tab:blue", "DO-Conv, plain backbone": "tab:orange"}
DRAWN = {"baseline": "baseline", "doconv": "DO-Conv"}  # variants, and what they are called
PANELS_A_ROW = 3
MOST_TICKS = 10
LEAST_WIDTH = 6.5  # inches
LETTERS_AN_INCH = 13


def draw_curves(records: Sequence[Record], path: str | os.PathLike, note: str = "") -> None:
    """Write a PNG: validation solid, training dashed, the mean over seeds with a band of ± one standard error.

    Parameters
    ----------
    records : trainings; those of the baseline and of DO-Conv everywhere are drawn, the finished ones
    path : of the file, written atomically
    note : of the data, for the title

    Raises
    ------
    DOConvError
        If no such training is finished.
    """
    drawn = drawable(records)
    panels = list(dict.fromkeys((r.configuration.data, r.configuration.network) for r in drawn))
    if not panels:
        raise DOConvError("no training of a baseline or of DO-Conv is finished: there is no curve to draw")
    columns = min(len(panels), PANELS_A_ROW)
    rows = ceil(len(panels) / columns)
    width = max(4.6 * columns, LEAST_WIDTH)
    figure, grid = plt.subplots(
        rows, columns, figsize=(width, 3.6 * rows + 1), squeeze=False, constrained_layout=True
    )
    for ax in grid.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, panel in zip(grid.flat, panels):
        _draw_panel(ax, [r for r in drawn if (r.configuration.data, r.configuration.network) == panel])
        ax.set_title(f"{panel[1]}, {panel[0]}", fontsize=10)
    for ax in grid[:, 0]:
        ax.set_ylabel("error (%)")
    grid.flat[0].legend(fontsize=8)
    heading = "Training (dashed) and validation (solid) error; bands: ± one standard error over seeds"
    title = [fill(text, round(width * LETTERS_AN_INCH)) for text in (heading, note) if text]
    figure.suptitle("\n".join(title), fontsize=10)
    with atomic(Path(path)) as (temporary,):
        figure.savefig(temporary, dpi=110, format="png")
    plt.close(figure)


def drawable(records: Iterable[Record]) -> list[Record]:
    """Finished trainings of a baseline, or with DO-Conv everywhere."""
    return [record for record in records if record.finished and record.configuration.variant.name in DRAWN]


def _draw_panel(ax: Axes, records: Sequence[Record]) -> None:
    for label, color in COLORS.items():
        runs = [record.epochs for record in records if _label(record.configuration) == label]
        if not runs:
            continue
        if all(epoch.accuracy is not None for epochs in runs for epoch in epochs):
            trained = [_errors(epoch.accuracy for epoch in epochs) for epochs in runs]
            _draw_curve(ax, trained, color=color, ls="--", lw=1)
        validated = [_errors(epoch.validation_accuracy for epoch in epochs) for epochs in runs]
        _draw_curve(ax, validated, color=color, label=f"{label} (n={len(runs)})")
    ax.set(xlabel="epoch", xlim=(0.5, max(record.configuration.recipe.epochs for record in records) + 0.5))
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    ax.yaxis.set_minor_formatter(matplotlib.ticker.LogFormatter(minor_thresholds=(2, 0.5)))
    ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(MOST_TICKS, integer=True, min_n_ticks=1))
    ax.grid(alpha=0.3, which="both")


def _label(configuration: Configuration) -> str:
    backbone, variant = configuration.backbone, configuration.variant
    differs = backbone is not None and backbone.variant.doconv != variant.doconv
    return DRAWN[variant.name] + (", plain backbone" if differs else "")


def _draw_curve(ax: Axes, runs: Sequence[np.ndarray], color: str, **style: Any) -> None:
    """One line: the mean of ``runs``, (epochs,) each."""
    values = np.stack(runs)
    epochs, mean = np.arange(1, values.shape[1] + 1), values.mean(axis=0)
    dot = "." if len(epochs) == 1 else None  # a line of one point is not seen
    ax.plot(epochs, mean, color=color, marker=dot, **style)
    if len(values) > 1:
        error = values.std(axis=0, ddof=1) / sqrt(len(values))
        ax.fill_between(epochs, np.maximum(mean - error, mean / 2), mean + error, color=color, alpha=0.2, lw=0)


def _errors(accuracies: Iterable[float | None]) -> np.ndarray:
    return np.array([100 * (1 - accuracy) for accuracy in accuracies if accuracy is not None])

"""Training curves: what was measured over the epochs, a panel for each network or score (Figure 5)."""

from __future__ import annotations

import os
from math import ceil, sqrt
from textwrap import fill
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogFormatter, MaxNLocator

from ...errors import DOConvError
from ..configuration import Configuration
from ..records import Epoch, Record
from . import canvas

COLORS = {
    "plain": "tab:gray",
    "baseline": "tab:gray",
    "DO-Conv": "tab:blue",
    "DO-Conv, plain backbone": "tab:orange",
}
DRAWN = {"baseline": "baseline", "doconv": "DO-Conv"}  # variants, and what they are called
PANELS_A_ROW = 3
MOST_TICKS = 10
LEAST_WIDTH = 6.5  # inches
LETTERS_AN_INCH = 13

Measure = Callable[[Epoch], Optional[float]]  # None where an epoch does not have it


class Panel(NamedTuple):
    """One picture: of each network, by its label, a line for each measure, the first solid, others dashed.

    A line is the mean over the trainings of the network, which differ in their seeds.
    """

    title: str
    ylabel: str
    networks: Mapping[str, Sequence[Record]]
    measures: Sequence[Measure]
    yscale: str = "linear"


def score(name: str) -> Measure:
    """Make the measure of one of the scores of an epoch."""
    return lambda epoch: epoch.scores.get(name)


def error(accuracy: str) -> Measure:
    """Make the measure of what ``accuracy`` lacks of 1, in percent."""

    def measure(epoch: Epoch) -> float | None:
        value = epoch.scores[accuracy]
        return None if value is None else 100 * (1 - value)

    return measure


ERRORS = (error("validation accuracy"), error("accuracy"))


def draw_curves(records: Sequence[Record], path: str | os.PathLike, note: str = "") -> None:
    """Draw Figure 5 as PNG: validation error solid, training error dashed, a panel for each network and data.

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
    panels: dict[str, dict[str, list[Record]]] = {}
    for record in drawable(records):
        one = record.configuration
        panels.setdefault(f"{one.network}, {one.data}", {}).setdefault(_label(one), []).append(record)
    if not panels:
        raise DOConvError("no training of a baseline or of DO-Conv is finished: there is no curve to draw")
    heading = "Training (dashed) and validation (solid) error; bands: ± one standard error over seeds"
    errors = [Panel(title, "error (%)", networks, ERRORS, "log") for title, networks in panels.items()]
    draw_panels(errors, path, [heading, note])


def drawable(records: Iterable[Record]) -> list[Record]:
    """Choose the finished trainings of a baseline, or with DO-Conv everywhere."""
    return [record for record in records if record.finished and record.configuration.variant.name in DRAWN]


def draw_panels(panels: Sequence[Panel], path: str | os.PathLike, title: Sequence[str]) -> None:
    """Write panels as one PNG, atomically, below the lines of a title; bands are ± one standard error."""
    columns = min(len(panels), PANELS_A_ROW)
    rows = ceil(len(panels) / columns)
    width = max(4.6 * columns, LEAST_WIDTH)
    figure, grid = canvas.grid(rows, columns, width, 3.6 * rows + 1)
    canvas.hide_from(len(panels), grid)
    for place, (ax, panel) in enumerate(zip(grid.flat, panels)):
        _draw_panel(ax, panel)
        if place % columns == 0 or panel.ylabel != panels[place - 1].ylabel:
            ax.set_ylabel(panel.ylabel)
    grid.flat[0].legend(fontsize=8)
    lines = [fill(text, round(width * LETTERS_AN_INCH)) for text in title if text]
    figure.suptitle("\n".join(lines), fontsize=10)
    canvas.save(figure, path)


class _PlainLogFormatter(LogFormatter):
    """Labels the same ticks, without powers of ten."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def _label(configuration: Configuration) -> str:
    backbone, variant = configuration.backbone, configuration.variant
    differs = backbone is not None and backbone.variant.doconv != variant.doconv
    return DRAWN[variant.name] + (", plain backbone" if differs else "")


def _draw_panel(ax: Axes, panel: Panel) -> None:
    for label in (label for label in COLORS if label in panel.networks):
        records = panel.networks[label]
        for number, measure in reversed([*enumerate(panel.measures)]):  # the solid one on top
            name = None if number else f"{label} (n={len(records)})"
            _draw_curve(ax, records, measure, color=COLORS[label], label=name, ls="--" if number else "-")
    epochs = max(len(record.epochs) for records in panel.networks.values() for record in records)
    ax.set_title(panel.title, fontsize=10)
    ax.set(xlabel="epoch", xlim=(0.5, epochs + 0.5), yscale=panel.yscale)
    if panel.yscale == "log":
        ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        ax.yaxis.set_minor_formatter(_PlainLogFormatter(minor_thresholds=(2, 0.5)))
    ax.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, integer=True, min_n_ticks=1))
    ax.grid(alpha=0.3, which="both")


def _draw_curve(ax: Axes, records: Sequence[Record], measure: Measure, **style: Any) -> None:
    """Draw the mean over the trainings; nothing, where an epoch of one does not have it."""
    measured = [[measure(epoch) for epoch in record.epochs] for record in records]
    if any(value is None for values in measured for value in values):
        return
    values = np.array(measured, dtype=float)  # (seeds, epochs)
    epochs, mean = np.arange(1, values.shape[1] + 1), values.mean(axis=0)
    dot = "." if len(epochs) == 1 else None  # a line of one point is not seen
    ax.plot(epochs, mean, marker=dot, lw=1 if style["ls"] == "--" else None, **style)
    if len(values) > 1:
        band = values.std(axis=0, ddof=1) / sqrt(len(values))
        low, high = np.maximum(mean - band, mean / 2), mean + band
        ax.fill_between(epochs, low, high, color=style["color"], alpha=0.2, lw=0)

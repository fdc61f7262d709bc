"""Training curves, plain and DO-Conv in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, NamedTuple, Sequence

import matplotlib

matplotlib.use("Agg")  # a demo runs where there is no screen

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from .fit import DOCONV, PLAIN

COLORS = {PLAIN: "tab:gray", DOCONV: "tab:blue"}


class Panel(NamedTuple):
    """One picture: what is on its y axis, and under each label of a network its curves, by name."""

    ylabel: str
    curves: Mapping[str, Mapping[str, Sequence[float]]]
    yscale: str = "linear"


def draw_curves(panels: Sequence[Panel], path: Path, title: str) -> None:
    """Draw panels side by side over epochs, as PNG. The first curve of a network is solid, others dashed."""
    figure, axes = plt.subplots(1, len(panels), figsize=(5.5 * len(panels), 4.2), constrained_layout=True)
    for panel, place in zip(panels, axes):
        _draw(panel, place)
    figure.suptitle(title)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw(panel: Panel, axes: Axes) -> None:
    for label, curves in panel.curves.items():
        for number, (name, values) in enumerate(curves.items()):
            text = f"{label}, {name}" if name else label
            style = "--" if number else "o-"
            axes.plot(range(1, len(values) + 1), values, style, color=COLORS[label], label=text)
    axes.set(xlabel="epoch", ylabel=panel.ylabel, yscale=panel.yscale)
    axes.grid(alpha=0.3, which="both")
    axes.legend()

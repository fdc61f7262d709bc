"""Training curves, plain and DO-Conv in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

import matplotlib

matplotlib.use("Agg")  # a demo runs where there is no screen

import matplotlib.pyplot as plt

from .fit import History

COLORS = {"plain": "tab:gray", "DO-Conv": "tab:blue"}


def draw_curves(histories: Mapping[str, History], path: Path, title: str) -> None:
    """Error rates (training dashed, validation solid) and loss over epochs, as PNG."""
    figure, (errors, losses) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for label, history in histories.items():
        epochs = range(1, len(history.loss) + 1)
        color = COLORS[label]
        errors.plot(
            epochs, _error(history.validation_accuracy), color=color, label=f"{label}, validation", marker="o"
        )
        errors.plot(epochs, _error(history.accuracy), color=color, label=f"{label}, training", ls="--")
        losses.plot(epochs, history.loss, color=color, label=label, marker="o")
    errors.set(xlabel="epoch", ylabel="error (%)", yscale="log")
    losses.set(xlabel="epoch", ylabel="training loss (cross-entropy)", yscale="log")
    for axes in (errors, losses):
        axes.grid(alpha=0.3, which="both")
        axes.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _error(accuracy: list[float]) -> list[float]:
    return [100 * (1 - value) for value in accuracy]

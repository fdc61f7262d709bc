"""What ``gluon-doconv demo`` has left in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

from ...errors import DOConvError
from .kernels import pictures
from .parts import Grid, Run, named, saved_picture

RESULTS = "results.json"
TEXT = "results.md"


def read_demo(folder: Path) -> list[Run]:
    """The run whose ``results.json`` is in ``folder``.

    Raises
    ------
    DOConvError
        If that file is damaged, or ``results.md`` is missing.
    """
    path, text = folder / RESULTS, folder / TEXT
    if not text.is_file():
        raise DOConvError(f"{folder} has {RESULTS} but no {TEXT}: run the demo anew")
    try:
        return [_run(json.loads(path.read_text(encoding="utf-8")), folder, text.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DOConvError(f"{path} is damaged, or not of `gluon-doconv demo` ({error!r})") from error


def _run(results: dict[str, Any], folder: Path, text: str) -> Run:
    model, trained = results["model"], results["trained"]
    names = " and ".join(trained)
    shown = f"training curves of {model}, {names}"
    return Run(
        title=f"{model}, {names}",
        folder=folder,
        text=text,
        figures=[
            *saved_picture(
                folder / "curves.png", f"The {shown}.", f"The {shown}; the numbers are under “Numbers”."
            ),
            *saved_picture(
                folder / "predictions.png",
                "What both networks see in validation images, beside the truth.",
                f"Validation images, the truth, and the predictions of {names}, side by side.",
            ),
        ],
        kernels=pictures(folder / "do-conv.params"),
        numbers=[grid for label, one in trained.items() for grid in _histories(label, one)],
        settings=[named(f"{model}, both networks", results["recipe"])],
        versions=results["versions"],
    )


def _histories(label: str, trained: Mapping[str, Any]) -> list[Grid]:
    stages = {f"{label}: classification stage": trained.get("pretraining"), label: trained["history"]}
    return [_history(caption, history) for caption, history in stages.items() if history]


def _history(caption: str, history: Mapping[str, Sequence[float]]) -> Grid:
    rows = [
        (str(epoch), *(f"{value:.4g}" for value in values))
        for epoch, values in enumerate(zip(*history.values()), start=1)
    ]
    return Grid(caption, ("epoch", *history), rows)

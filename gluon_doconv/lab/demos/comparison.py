"""What was measured of the two networks, as a table, as words, and as JSON."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import gluoncv
import mxnet as mx
import numpy as np
from tabulate import tabulate

from ... import __version__
from ...files.atomic import atomic
from .deployment import Deployed
from .fit import DOCONV, PLAIN, History


@dataclass(frozen=True)
class Trained:
    """One of the two networks after training: its histories, and its parameters while it trained."""

    history: History
    parameters: int
    pretraining: History = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Both networks and what became of the second.

    ``decisive`` is the name of the score that the verdict is about; ``evidence`` says in words what it was
    measured on.
    """

    model: str
    recipe: dict[str, Any]
    decisive: str
    evidence: str
    trained: dict[str, Trained]
    deployed: Deployed


def report(comparison: Comparison) -> str:
    """The table and the verdict, as Markdown."""
    return f"{results_table(comparison)}\n\n{verdict(comparison)}"


def results_table(comparison: Comparison) -> str:
    """The comparison as a Markdown table."""
    deployed = comparison.deployed
    pair = [comparison.trained[label] for label in (PLAIN, DOCONV)]
    histories = [one.history for one in pair]
    best = [share(max(history[comparison.decisive])) for history in histories]
    rows = [
        *_pretraining_rows(pair),
        *((f"{name}, last epoch", *(share(h[name][-1]) for h in histories)) for name in deployed.scores),
        (f"{comparison.decisive}, best epoch", *best),
        ("training loss, last epoch", *(f"{history['loss'][-1]:.4f}" for history in histories)),
        ("parameters while training", *(f"{one.parameters:,}" for one in pair)),
        ("parameters after folding", f"{pair[0].parameters:,}", f"{deployed.parameters:,}"),
        ("seconds per epoch, median", *(f"{median(history['seconds']):.1f}" for history in histories)),
        *((f"{name}, folded, in stock GluonCV", "", share(value)) for name, value in deployed.scores.items()),
        ("largest difference: folded − unfolded", "", f"{deployed.folded_difference:.2g}"),
        ("largest difference: exported, plain MXNet − unfolded", "", f"{deployed.symbol_difference:.2g}"),
        ("largest difference: ONNX Runtime − unfolded", "", _onnx_cell(deployed)),
        ("largest output, for scale", "", f"{deployed.scale:.3g}"),
    ]
    return tabulate(rows, headers=["", PLAIN, DOCONV], tablefmt="github", disable_numparse=True)


def verdict(comparison: Comparison) -> str:
    """What the table says, in words, also when DO-Conv is behind."""
    last = {label: one.history[comparison.decisive][-1] for label, one in comparison.trained.items()}
    gain = 100 * (last[DOCONV] - last[PLAIN])
    place = (
        "level with plain"
        if gain == 0
        else f"{abs(gain):.2f} points {'ahead of' if gain > 0 else 'behind'} plain"
    )
    bitwise = comparison.deployed.folded_difference == 0
    obstacle = comparison.deployed.onnx_obstacle
    return (
        f"In {comparison.decisive}, DO-Conv ends {place}. This is one seed and {comparison.evidence}: it shows "
        "that everything works, not how much DO-Conv gains.\n"
        f"The folded network is {'bitwise' if bitwise else 'NOT bitwise'} the unfolded one and has as many "
        f"parameters as the plain one.{f' ONNX cannot express it: {obstacle}.' if obstacle else ''}"
    )


def write_results(output: Path, comparison: Comparison) -> None:
    """``results.json`` with every number and the versions that made it, ``results.md`` with the table."""
    versions = {
        "python": platform.python_version(),
        "mxnet": mx.__version__,
        "gluoncv": gluoncv.__version__,
        "numpy": np.__version__,
        "gluon_doconv": __version__,
    }
    results = {**asdict(comparison), "versions": versions}
    with atomic(output / "results.json", output / "results.md") as (json_file, markdown_file):
        Path(json_file).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        Path(markdown_file).write_text(report(comparison) + "\n", encoding="utf-8")


def share(value: float) -> str:
    """A score in [0, 1]; pycocotools gives −1 where there is nothing to score."""
    return f"{value:.2%}" if value >= 0 else "–"


def _pretraining_rows(pair: list[Trained]) -> list[tuple[str, ...]]:
    name = "validation accuracy"
    if not all(one.pretraining for one in pair):
        return []
    return [(f"classification stage: {name}", *(share(one.pretraining[name][-1]) for one in pair))]


def _onnx_cell(deployed: Deployed) -> str:
    return "not possible" if deployed.onnx_difference is None else f"{deployed.onnx_difference:.2g}"

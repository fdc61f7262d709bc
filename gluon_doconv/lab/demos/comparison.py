"""What was measured of the two networks of a demo, as a table, as words, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Mapping, Sequence

from tabulate import tabulate

from ...disk.atomic import write_files
from ..records import RESULTS, Record, with_results, write_results
from .deployment import Deployed
from .labels import LABELS, PLAIN


@dataclass(frozen=True)
class Comparison:
    """Both networks and what became of the second.

    Parameters
    ----------
    scores : their names
    decisive : the one that the verdict is about
    evidence : what it was measured on, in words
    trained : of each network its finished training, after that of its backbone if it has one
    parameters : of each network, while it trained
    deployed : the second network after training
    """

    scores: Sequence[str]
    decisive: str
    evidence: str
    trained: Mapping[str, Sequence[Record]]
    parameters: Mapping[str, int]
    deployed: Deployed

    @property
    def pair(self) -> list[Record]:
        """The trainings of the networks themselves, plain and DO-Conv."""
        return [self.trained[label][-1] for label in LABELS]


def report(comparison: Comparison) -> str:
    """Write heading, table and verdict as Markdown."""
    network = comparison.pair[0].configuration.network
    return f"## {network}, {' and '.join(LABELS)}\n\n{results_table(comparison)}\n\n{verdict(comparison)}"


def results_table(comparison: Comparison) -> str:
    """Write the comparison as a Markdown table."""
    deployed, pair = comparison.deployed, comparison.pair
    last = [record.epochs[-1].scores for record in pair]
    seconds = [median(epoch.seconds or 0 for epoch in record.epochs) for record in pair]
    rows = [
        *_backbone_rows(comparison),
        *((f"{name}, last epoch", *(share(scores.get(name)) for scores in last)) for name in comparison.scores),
        (f"{comparison.decisive}, best epoch", *(_best(record, comparison.decisive) for record in pair)),
        ("training loss, last epoch", *(f"{scores['loss']:.4f}" for scores in last)),
        ("parameters while training", *(f"{comparison.parameters[label]:,}" for label in LABELS)),
        ("parameters after folding", f"{comparison.parameters[PLAIN]:,}", f"{deployed.parameters:,}"),
        ("seconds per epoch, median", *(f"{value:.1f}" for value in seconds)),
        *(
            (f"{name}, folded, in stock GluonCV", "", share(deployed.scores.get(name)))
            for name in comparison.scores
        ),
        ("largest difference: folded − unfolded", "", f"{deployed.folded_difference:.2g}"),
        ("largest difference: exported, plain MXNet − unfolded", "", f"{deployed.symbol_difference:.2g}"),
        ("largest difference: ONNX Runtime − unfolded", "", _onnx_cell(deployed)),
        ("largest output, for scale", "", f"{deployed.scale:.3g}"),
    ]
    return tabulate(rows, headers=["", *LABELS], tablefmt="github", disable_numparse=True)


def verdict(comparison: Comparison) -> str:
    """Say what the table says in words, also when DO-Conv is behind."""
    plain, doconv = (record.epochs[-1].scores[comparison.decisive] or 0 for record in comparison.pair)
    gain = 100 * (doconv - plain)
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


def write_comparison(output: Path, comparison: Comparison) -> str:
    """Write the records of all trainings, what deployment found, and the report, which is returned."""
    text = report(comparison)
    found = {"parameters while training": comparison.parameters, **asdict(comparison.deployed)}
    numbers = json.dumps(found, indent=2) + "\n"
    write_files({output / "deployment.json": [numbers.encode()], output / "results.md": [f"{text}\n".encode()]})
    records = [record for label in LABELS for record in comparison.trained[label]]
    write_results(output / RESULTS, with_results(output / RESULTS, records))
    return text


def share(value: float | None) -> str:
    """Write a score in [0, 1]; None where there is nothing to score."""
    return "–" if value is None else f"{value:.2%}"


def _backbone_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    backbones = [record for label in LABELS for record in comparison.trained[label][:-1]]
    if not backbones:
        return []
    accuracies = (record.epochs[-1].validation_accuracy for record in backbones)
    return [("classification stage: validation accuracy", *map(share, accuracies))]


def _best(record: Record, name: str) -> str:
    return share(max(epoch.scores.get(name) or 0 for epoch in record.epochs))


def _onnx_cell(deployed: Deployed) -> str:
    return "not possible" if deployed.onnx_difference is None else f"{deployed.onnx_difference:.2g}"

"""What ``gluon-doconv reproduce`` has left in a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Iterable, Sequence

from ...errors import DOConvError
from ..experiments.catalogue import TABLES
from ..experiments.configuration import DOCONV, Command, Recipe
from ..experiments.records import Record, read_results
from ..experiments.reproduce import RESULTS, TRAININGS
from ..experiments.script_adapters import SAVED
from ..experiments.statistics import final
from .kernels import pictures
from .parts import Grid, Run, named, saved_picture

NOTHING = "–"


def read_reproduction(folder: Path) -> list[Run]:
    """The tables that are in ``folder`` beside ``results.jsonl``, each with all trainings of the folder.

    Raises
    ------
    DOConvError
        If there is none, no training is finished, or the results are damaged.
    """
    tables = [folder / f"{name}.md" for name in TABLES if (folder / f"{name}.md").is_file()]
    if not tables:
        raise DOConvError(f"{folder} has {RESULTS} but no table such as table1.md: run reproduce again")
    records = read_results(folder / RESULTS)
    if not records:
        raise DOConvError(f"{folder / RESULTS} is empty: no training is finished yet")
    return [_run(path, records) for path in tables]


def _run(table: Path, records: Sequence[Record]) -> Run:
    heading, _, text = table.read_text(encoding="utf-8").partition("\n")
    curves = "Training and validation error, baseline against DO-Conv"
    return Run(
        title=heading.lstrip("# "),
        folder=table.parent,
        text=text,
        figures=saved_picture(
            table.with_name(f"{table.stem}-curves.png"),
            f"{curves}.",
            f"{curves}, over the epochs, a panel for each network; the last epoch is under “Numbers”.",
        ),
        kernels=pictures(_checkpoint(table.parent / TRAININGS, records)),
        numbers=[_trainings(records)],
        settings=_settings(records),
        versions=_versions(records),
    )


def _checkpoint(trainings: Path, records: Iterable[Record]) -> Path | None:
    """What the first training with DO-Conv everywhere has saved last."""
    for record in records:
        if record.configuration.variant == DOCONV:
            folder = trainings / record.configuration.name(record.seed)
            saved = [*folder.glob("epoch*.params"), *(folder / SAVED).rglob("*.params")]
            if saved:
                return max(saved, key=lambda path: path.stat().st_mtime)
    return None


def _trainings(records: Sequence[Record]) -> Grid:
    metrics = list(dict.fromkeys(name for record in records for name in record.epochs[-1].metrics))
    columns = (
        "training",
        "seed",
        "epochs",
        "reported (%)",
        *("loss, last epoch", "training accuracy (%)", "validation accuracy (%)"),
        *(f"{name} (%)" for name in metrics),
        "seconds per epoch",
    )
    return Grid("Finished trainings", columns, [_training(record, metrics) for record in records])


def _training(record: Record, metrics: Sequence[str]) -> tuple[str, ...]:
    last = record.epochs[-1]
    seconds = [epoch.seconds for epoch in record.epochs if epoch.seconds is not None]
    return (
        record.configuration.name(record.seed).rpartition("-seed")[0],
        str(record.seed),
        str(len(record.epochs)),
        f"{final(record):.2f}",
        NOTHING if last.loss is None else f"{last.loss:.4g}",
        _percent(last.accuracy),
        _percent(last.validation_accuracy),
        *(_percent(last.metrics.get(name)) for name in metrics),
        f"{sum(seconds) / len(seconds):.2f}" if seconds else NOTHING,
    )


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.2f}"


def _settings(records: Sequence[Record]) -> list[Grid]:
    """The settings, each once, with what was trained by them, and with which seeds."""
    networks: dict[Recipe | Command, dict[str, set[int]]] = {}
    for record in records:
        one = record.configuration
        users = networks.setdefault(one.recipe, {})
        users.setdefault(f"{one.network} on {one.data}", set()).add(record.seed)
    return [
        named(
            ", ".join(users),
            {**asdict(recipe), "seeds": sorted(set().union(*users.values()))},
        )
        for recipe, users in networks.items()
    ]


def _versions(records: Sequence[Record]) -> dict[str, str]:
    names = dict.fromkeys(name for record in records for name in record.versions)
    return {
        name: ", ".join(sorted({record.versions.get(name, "not recorded") for record in records}))
        for name in names
    }

"""What ``gluon-doconv demo`` and ``gluon-doconv reproduce`` have left in a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Iterable, Sequence

from ...disk.reading import read_text
from ...errors import DOConvError
from ..configuration import DOCONV
from ..experiments.catalogue import TABLES
from ..experiments.reproduce import TRAININGS
from ..experiments.script_adapters import SAVED
from ..experiments.statistics import final
from ..records import RESULTS, Record, read_results
from .kernels import pictures
from .parts import Grid, Picture, Run, named, saved_picture

NOTHING = "–"
DEMO = "results"  # so the text of a demo is called, and that of a table by its name
MOST_HISTORIES = 4  # the trainings of a demo; tables have more epochs than anybody reads


def read_runs(folder: Path) -> list[Run]:
    """Read the results that are in ``folder`` as Markdown, each with all trainings of the folder.

    Raises
    ------
    DOConvError
        If there is no such folder, it holds no finished run, or the results are damaged.
    """
    if not folder.is_dir():
        raise DOConvError(f"{folder}: there is no such folder")
    if not (folder / RESULTS).is_file():
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise DOConvError(
            f"{folder} holds no finished run: there is no {RESULTS}, which `gluon-doconv demo` and "
            f"`gluon-doconv reproduce` write; it holds {names}"
        )
    texts = [path for path in (folder / f"{name}.md" for name in (DEMO, *TABLES)) if path.is_file()]
    if not texts:
        raise DOConvError(
            f"{folder} has {RESULTS} but neither {DEMO}.md nor a table such as table1.md: run the command again"
        )
    records = read_results(folder / RESULTS)
    if not records:
        raise DOConvError(f"{folder / RESULTS} is empty: no training is finished yet")
    return [_run(path, records) for path in texts]


def _run(text: Path, records: Sequence[Record]) -> Run:
    heading, _, rest = read_text(text).partition("\n")
    histories = records if len(records) <= MOST_HISTORIES else ()
    return Run(
        title=heading.lstrip("# "),
        folder=text.parent,
        text=rest,
        figures=_figures(text),
        kernels=pictures(_checkpoint(text, records)),
        numbers=[_trainings(records), *map(_history, histories)],
        settings=_settings(records),
        versions=_versions(records),
    )


def _figures(text: Path) -> list[Picture]:
    curves = "Training curves, plain against DO-Conv"
    prefix = "" if text.stem == DEMO else f"{text.stem}-"
    return [
        *saved_picture(
            text.with_name(f"{prefix}curves.png"),
            f"{curves}.",
            f"{curves}, over the epochs; the last epoch is under “Numbers”.",
        ),
        *saved_picture(
            text.with_name(f"{prefix}predictions.png"),
            "What both networks see in validation images, beside the truth.",
            "Validation images, the truth, and the predictions of both networks, side by side.",
        ),
    ]


def _checkpoint(text: Path, records: Iterable[Record]) -> Path | None:
    """Find what a demo, or of a table the first training with DO-Conv everywhere, has saved last."""
    if text.stem == DEMO:
        return text.with_name("do-conv.params")
    for record in records:
        if record.configuration.variant == DOCONV:
            training = text.parent / TRAININGS / record.configuration.name(record.seed)
            saved = [*training.glob("epoch*.params"), *(training / SAVED).rglob("*.params")]
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
        _number(last.loss),
        _percent(last.accuracy),
        _percent(last.validation_accuracy),
        *(_percent(last.metrics.get(name)) for name in metrics),
        f"{sum(seconds) / len(seconds):.2f}" if seconds else NOTHING,
    )


def _history(record: Record) -> Grid:
    """Everything that every epoch measured."""
    names = list(record.epochs[0].scores)
    rows = [
        (str(number), *(_number(epoch.scores.get(name)) for name in names), _number(epoch.seconds))
        for number, epoch in enumerate(record.epochs, start=1)
    ]
    return Grid(record.configuration.name(record.seed), ("epoch", *names, "seconds"), rows)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.2f}"


def _settings(records: Sequence[Record]) -> list[Grid]:
    """The settings, each once, with what was trained by them, and with which seeds."""
    networks: dict[Any, dict[str, set[int]]] = {}
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

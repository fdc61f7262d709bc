"""One command a table: train what is missing, then write the results, the table and the curves."""

from __future__ import annotations

import fcntl
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, Sequence

from ...disk.atomic import write_files
from ...errors import DOConvError
from ..configuration import Configuration, Recipe
from ..figures.curves import draw_curves, drawable
from ..images import load
from ..records import RESULTS, Record, open_record, read_records, with_results, write_results
from ..tracking import Log, Scores, Tracker, no_tracker
from .report import comma_separated, markdown
from .resumable import train
from .scripts import ScriptTraining, Sources, train_by_script
from .tables import Row, Table

TRAININGS = "trainings"


def reproduce(
    table: Table,
    output: Path,
    seeds: Sequence[int],
    sources: Sources,
    say: Callable[[str], None],
    tracker: Tracker = no_tracker,
) -> str:
    """Train everything a table needs, seed by seed, and write it.

    What is finished already is not repeated, even if only its line in the results file is left. Several
    processes may work on one ``output``: a training that another is at is left to it.

    Parameters
    ----------
    table : what to train
    output : folder of ``results.jsonl``, of the table and its curves, and of the trainings' states
    seeds : of the trainings; every configuration has its first before any has its second
    sources : what trainings need from elsewhere
    say : receives what happens, line by line
    tracker : receives what each step and epoch measured

    Returns
    -------
    The table as Markdown.

    Raises
    ------
    DOConvError
        If data are missing, or ``output`` holds trainings of other settings.
    """
    (output / TRAININGS).mkdir(parents=True, exist_ok=True)
    if table.note:
        say(table.note)
    runs = [(configuration, seed) for seed in seeds for configuration in table.configurations()]
    before = {(record.configuration, record.seed) for record in finished_records(output)}
    for place, (configuration, seed) in enumerate(runs, start=1):
        say_where = partial(_say_where, say, f"[{place}/{len(runs)}]")
        if (configuration, seed) in before:
            say_where(f"{configuration.name(seed)}: finished before")
        elif _train_one(configuration, seed, output, sources, say_where, tracker):
            write(table, output)
    return write(table, output)


def write(table: Table, output: Path) -> str:
    """Write the results of all finished trainings in ``output``, the table and the curves they make."""
    records = finished_records(output)
    text = markdown(table, records)
    results, readable, separated, curves = outputs(table, output)
    write_results(results, records)
    write_files({readable: [text.encode()], separated: [comma_separated(table, records).encode()]})
    wanted = table.configurations()
    drawn = drawable(record for record in records if record.configuration in wanted)
    if drawn:
        draw_curves(drawn, curves, table.note)
    return text


def finished_records(output: Path) -> list[Record]:
    """Read all finished trainings of the results file and of their folders; a folder's is the newer.

    Raises
    ------
    DOConvError
        If a record is damaged.
    """
    found = [record for record in read_records(output / TRAININGS) if record.finished]
    return with_results(output / RESULTS, found)


def outputs(table: Table, output: Path) -> tuple[Path, Path, Path, Path]:
    """Name the files of :func:`write`: JSON lines, Markdown, CSV, and a PNG."""
    readable, separated, curves = (output / f"{table.name}{end}" for end in (".md", ".csv", "-curves.png"))
    return output / RESULTS, readable, separated, curves


def only(table: Table, pattern: str) -> Table:
    """Keep the columns of a table that match a regular expression.

    Raises
    ------
    DOConvError
        If none does.
    """
    kept = [i for i, column in enumerate(table.columns) if re.search(pattern, column)]
    if not kept:
        raise DOConvError(
            f"no column of {table.name} matches {pattern!r}; there are {', '.join(table.columns)}"
        )
    rows = (Row(row.label, tuple(row.cells[i] for i in kept)) for row in table.rows)
    return replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(row for row in rows if any(row.cells)),
    )


def _train_one(
    configuration: Configuration,
    seed: int,
    output: Path,
    sources: Sources,
    say: Callable[[str], None],
    tracker: Tracker,
) -> bool:
    """Whether there was anything to train."""
    name = configuration.name(seed)
    folder = output / TRAININGS / name
    folder.mkdir(exist_ok=True)
    with _try_lock(folder) as acquired:
        record = open_record(configuration, seed, folder)
        if record.finished or not acquired:
            say(f"{name}: {'finished before' if record.finished else 'another process is at it'}")
            return False
        if record.epochs:
            say(f"{name}: goes on after epoch {len(record.epochs)}")
        with tracker(name) as log:
            progress = _Progress(name, len(record.epochs), say, log)
            if isinstance(configuration.recipe, Recipe):
                train(record, load(configuration.data, sources.data), folder, progress.step, progress.epoch)
            else:
                backbone = _backbone(configuration, seed, output, sources)
                train_by_script(ScriptTraining.of(record, folder, sources, backbone), progress.epoch)
    return True


@dataclass
class _Progress:
    """Passes on the steps of a training, and each epoch once, after those that ``done`` counts."""

    name: str
    done: int
    say: Callable[[str], None]
    log: Log

    def step(self, number: int, measured: Scores) -> None:
        self.log("step", number, measured)

    def epoch(self, record: Record) -> None:
        epochs = record.configuration.recipe.epochs
        for epoch in record.epochs[self.done :]:
            self.done += 1
            self.say(f"{self.name}: epoch {self.done}/{epochs}, validation {epoch.validation_accuracy:.2%}")
            self.log("epoch", self.done, epoch.scores)


def _backbone(configuration: Configuration, seed: int, output: Path, sources: Sources) -> Path | None:
    """The parameters that the first stage ended with.

    Raises
    ------
    DOConvError
        If they are not there.
    """
    if configuration.backbone is None:
        return None
    name = configuration.backbone.name(seed)
    folder = output / TRAININGS / name
    record = open_record(configuration.backbone, seed, folder)
    if not record.finished:
        raise DOConvError(
            f"what {name} ended with is not in {folder}: if another process is at it, start this one later; if "
            f"only {RESULTS} is left of it, remove its line there to train it again"
        )
    return ScriptTraining.of(record, folder, sources).final_parameters()


def _say_where(say: Callable[[str], None], where: str, text: str) -> None:
    say(f"{where} {text}")


@contextmanager
def _try_lock(folder: Path) -> Iterator[bool]:
    """Hold the lock of a training's folder, if nobody else does; the system gives it up with the process."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True

"""What was measured: a record for each training, and one file of JSON lines with all that are finished."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Iterable, Sequence

import gluoncv
import mxnet as mx
import numpy as np

from .. import __version__
from ..disk.atomic import write_files
from ..disk.reading import read_text
from ..errors import DOConvError
from ..schema import positive, read_json
from .configuration import AnnealedRecipe, Command, Configuration, Recipe, Variant

RECORD = "record.json"  # of one training
RESULTS = "results.jsonl"  # of all that are finished


def name(value: Any) -> bool:
    """Tell whether a value may be the beginning of a path that does not lead out of its folder."""
    return isinstance(value, str) and not value.startswith("/") and ".." not in value.split("/")


NUMBER = (float, None)
EPOCH_FIELDS = {
    "loss": NUMBER,
    "accuracy": NUMBER,
    "validation_accuracy": float,
    "seconds": NUMBER,
    "metrics?": {str: float},
}
TRAINED = {"epochs": positive, "batch_size": positive, "averaged_epochs?": positive}
SGD = {**TRAINED, "learning_rate": float, "momentum?": float, "weight_decay?": float}
RECIPES = (
    {**TRAINED, "script": str, "arguments": [str]},
    {**SGD, "milestones": [float], "warmup_steps?": int, "warmup_rate?": float},
    {**SGD, "curve?": str, "warmup?": float},
)
VARIANT_FIELDS = {
    "name": name,
    "doconv?": bool,
    "stages?": ([int], None),
    "d_mul?": (int, None),
    "d_initializer?": str,
}
ONE_STAGE = {"data": name, "network": name, "variant": VARIANT_FIELDS, "recipe": RECIPES, "backbone?": None}
RECORD_FIELDS = {
    "configuration": {**ONE_STAGE, "backbone?": (None, ONE_STAGE)},
    "seed": int,
    "versions": {str: str},
    "epochs": [EPOCH_FIELDS],
}


@dataclass(frozen=True)
class Epoch:
    """One epoch: mean training loss, accuracies in [0, 1] in training and validation, seconds of training.

    What a script does not say is None. In segmentation the validation accuracy is the mean IoU, in detection
    the AP; ``metrics`` holds what else is measured, by name, in [0, 1].
    """

    loss: float | None
    accuracy: float | None
    validation_accuracy: float
    seconds: float | None
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def scores(self) -> dict[str, float | None]:
        """What was measured of the network, by name."""
        measured = {"loss": self.loss, "accuracy": self.accuracy}
        return {**measured, "validation accuracy": self.validation_accuracy, **self.metrics}


@dataclass(frozen=True)
class Record:
    """One training, as far as it has come, and the versions of what computes it."""

    configuration: Configuration
    seed: int
    versions: dict[str, str]
    epochs: tuple[Epoch, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether every epoch is done."""
        return len(self.epochs) >= self.configuration.recipe.epochs

    def with_epoch(self, epoch: Epoch) -> Record:
        """Return the record one epoch further."""
        return replace(self, epochs=(*self.epochs, epoch))

    def to_json(self) -> str:
        """Write the record as one line."""
        fields = {
            "configuration": self.configuration.as_dict(),
            "seed": self.seed,
            "versions": self.versions,
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Invert :meth:`to_json`."""
        fields = read_json(text, RECORD_FIELDS)
        configuration = _configuration(fields["configuration"])
        epochs = tuple(Epoch(**epoch) for epoch in fields["epochs"])
        return cls(configuration, fields["seed"], fields["versions"], epochs)

    def save(self, folder: Path) -> None:
        """Write the record of ``folder``, atomically."""
        write_files({folder / RECORD: self.content()})

    def content(self) -> list[bytes]:
        """Write the record as the file that it is saved as."""
        return [f"{self.to_json()}\n".encode()]


def open_record(configuration: Configuration, seed: int, folder: Path) -> Record:
    """Read the record in ``folder`` to go on with, or make a new one where there is none.

    Raises
    ------
    DOConvError
        If the one that is there is damaged, is of other settings, or was begun with other versions.
    """
    path = folder / RECORD
    if not path.exists():
        return Record(configuration, seed, versions())
    record = _read(path)
    if (record.configuration, record.seed) != (configuration, seed):
        raise DOConvError(
            f"{path} is a training of other settings; choose another --output, or remove {folder}"
        )
    if not record.finished and {**versions(), **record.versions} != versions():
        raise DOConvError(
            f"{path} was begun on {record.versions} and would end differently on {versions()}; go on there, or "
            f"remove {folder}"
        )
    return record


def read_records(folder: Path) -> list[Record]:
    """Read the records of all trainings in ``folder``, by their names.

    Raises
    ------
    DOConvError
        If one is damaged.
    """
    return [_read(path) for path in sorted(folder.glob(f"*/{RECORD}"))]


def _read(path: Path) -> Record:
    try:
        return Record.from_json(read_text(path))
    except ValueError as error:
        raise DOConvError(f"{path} is damaged ({error}); remove {path.parent} to train it anew") from error


def read_results(path: str | os.PathLike) -> list[Record]:
    """Read every record of a file of JSON lines.

    Raises
    ------
    DOConvError
        If there is no such file, or a line is no record; the line is named.
    """
    records = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            record = Record.from_json(line)
            if not record.epochs:
                raise ValueError("it has no epochs")
            records.append(record)
        except ValueError as error:
            raise DOConvError(f"{path}, line {number}, is no record of a training: {error}") from error
    return records


def write_results(path: Path, records: Sequence[Record]) -> None:
    """Write one JSON line for each record, atomically."""
    write_files({path: [line for record in records for line in record.content()]})


def with_results(path: Path, records: Iterable[Record]) -> list[Record]:
    """Merge the records of a file, if it exists, with newer ones, which replace those of the same training.

    Returns
    -------
    The records, ordered by name.

    Raises
    ------
    DOConvError
        If a line of the file is no record.
    """
    listed = read_results(path) if path.exists() else []
    newest = {(record.configuration, record.seed): record for record in (*listed, *records)}
    return sorted(newest.values(), key=lambda record: record.configuration.name(record.seed))


def versions() -> dict[str, str]:
    """Collect what decides about a number besides the settings."""
    return {
        "gluon_doconv": __version__,
        "mxnet": mx.__version__,
        "gluoncv": gluoncv.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": "gpu" if mx.context.num_gpus() else "cpu",
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }


def _configuration(fields: dict[str, Any]) -> Configuration:
    variant, recipe = (_tuples(fields[name]) for name in ("variant", "recipe"))
    backbone = fields.get("backbone") and _configuration(fields["backbone"])
    return Configuration(fields["data"], fields["network"], Variant(**variant), _recipe(recipe), backbone)


def _recipe(fields: dict[str, Any]) -> Recipe | AnnealedRecipe | Command:
    kind = Command if "script" in fields else Recipe if "milestones" in fields else AnnealedRecipe
    return kind(**fields)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}

"""What each of GluonCV's training scripts takes as arguments, and what it leaves of an epoch."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Sequence

from ...errors import DOConvError
from ...files import params_format
from ..configuration import Configuration
from ..records import Epoch

SAVED = Path("params")  # where scripts save, in the folder of the training
AVERAGE_PRECISIONS = ("AP", "AP50", "AP75", "APS", "APM", "APL")
LOSSES = ("RPN_Conf", "RPN_SmoothL1", "RCNN_CrossEntropy", "RCNN_SmoothL1")  # of Faster R-CNN
NO_OBJECT = -1  # what pycocotools says of a size of which there is none


class ScriptAdapter(ABC):
    """The conventions of one script, ``path`` in a checkout. Epochs count from 0, as theirs do."""

    path: str

    @abstractmethod
    def arguments(self, configuration: Configuration, seed: int, gpus: int, data: Path) -> list[str]:
        """Collect the script's arguments but for the recipe's own."""

    @abstractmethod
    def resumption(self, saved: Sequence[Path], done: int) -> list[str]:
        """Collect the arguments to resume after ``done`` epochs, from the files saved of the last."""

    @abstractmethod
    def saved(self, folder: Path, configuration: Configuration, number: int) -> list[Path]:
        """Find the files of an epoch, the parameters first; none unless all are there, and whole."""

    @abstractmethod
    def epoch(self, log: str, saved: Sequence[Path], number: int) -> Epoch | None:
        """Read an epoch from the log and the saved files; None while they do not say all."""


class Classification(ScriptAdapter):
    """``train_imagenet.py``: top-1 accuracy."""

    path = "scripts/classification/imagenet/train_imagenet.py"

    def arguments(self, configuration: Configuration, seed: int, gpus: int, data: Path) -> list[str]:
        recipe = configuration.recipe
        return [
            *("--model", configuration.network, "--num-epochs", str(recipe.epochs)),
            *("--batch-size", str(recipe.batch_size // max(1, gpus)), "--num-gpus", str(gpus)),
            *("--save-dir", str(SAVED), "--save-frequency", "1"),
            *_imagenet(data / "imagenet"),
        ]

    def resumption(self, saved: Sequence[Path], done: int) -> list[str]:
        params, states = map(str, saved)
        return ["--resume-epoch", str(done), "--resume-params", params, "--resume-states", states]

    def saved(self, folder: Path, configuration: Configuration, number: int) -> list[Path]:
        stem = folder / SAVED / f"imagenet-{configuration.network}-{number}"
        params, states = stem.with_name(f"{stem.name}.params"), stem.with_name(f"{stem.name}.states")
        whole = _is_whole(params) and states.is_file() and states.stat().st_size > 0
        return [params, states] if whole else []

    def epoch(self, log: str, saved: Sequence[Path], number: int) -> Epoch | None:
        error = _last(rf"\[Epoch {number}\] validation: err-top1=([\d.]+)", log)
        trained = _last(rf"\[Epoch {number}\] training: \S+=([\d.]+)", log)
        seconds = _last(rf"\[Epoch {number}\] speed: .*time cost: ([\d.]+)", log)
        return None if error is None else Epoch(None, trained, 1 - error, seconds)


class Segmentation(ScriptAdapter):
    """``segmentation/train.py``: mean IoU, with the four digits that the names of its files have."""

    path = "scripts/segmentation/train.py"

    def arguments(self, configuration: Configuration, seed: int, gpus: int, data: Path) -> list[str]:
        recipe = configuration.recipe
        return [
            *("--model", "deeplab", "--backbone", configuration.network, "--dataset", configuration.data),
            *("--epochs", str(recipe.epochs), "--batch-size", str(recipe.batch_size), "--save-dir", str(SAVED)),
            *(("--ngpus", str(gpus), "--syncbn") if gpus else ("--no-cuda",)),
        ]

    def resumption(self, saved: Sequence[Path], done: int) -> list[str]:
        return ["--resume", str(saved[0]), "--start_epoch", str(done)]

    def saved(self, folder: Path, configuration: Configuration, number: int) -> list[Path]:
        return [path for path in (folder / SAVED).glob(f"epoch_{number:04d}_mIoU_*.params") if _is_whole(path)]

    def epoch(self, log: str, saved: Sequence[Path], number: int) -> Epoch | None:
        found = _last(r"mIoU_([\d.]+)\.params$", saved[0].name) if saved else None
        loss = _last(rf"Epoch {number}, training loss ([\d.]+)", log)
        return None if found is None else Epoch(loss, None, found, None)


class Detection(ScriptAdapter):
    """``train_faster_rcnn.py`` on COCO: six average precisions, but for sizes of which there is no object.

    The training loss is the sum of the four that the script minimises and logs.
    """

    path = "scripts/detection/faster_rcnn/train_faster_rcnn.py"

    def arguments(self, configuration: Configuration, seed: int, gpus: int, data: Path) -> list[str]:
        recipe = configuration.recipe
        return [
            *("--network", configuration.network, "--dataset", configuration.data, "--seed", str(seed)),
            *("--epochs", str(recipe.epochs), "--batch-size", str(recipe.batch_size)),
            *("--save-prefix", f"{SAVED}/", "--save-interval", "1", "--val-interval", "1"),
            *(("--gpus", ",".join(map(str, range(gpus)))) if gpus else ("--gpus=", "--kv-store", "local")),
        ]

    def resumption(self, saved: Sequence[Path], done: int) -> list[str]:
        return ["--resume", str(saved[0]), "--start-epoch", str(done)]

    def saved(self, folder: Path, configuration: Configuration, number: int) -> list[Path]:
        return [path for path in (folder / SAVED).glob(f"*_{number:04d}_*.params") if _is_whole(path)]

    def epoch(self, log: str, saved: Sequence[Path], number: int) -> Epoch | None:
        parts = re.split(rf"\[Epoch {number}\] Validation:", log)
        found = re.findall(r"Average Precision .*\| maxDets=100 \] = (-?[\d.]+)", parts[-1])
        if not saved or len(parts) == 1 or len(found) < len(AVERAGE_PRECISIONS):
            return None
        said = dict(zip(AVERAGE_PRECISIONS, map(float, found)))
        seconds = _last(rf"\[Epoch {number}\] Training cost: ([\d.]+)", log)
        measured = {name: value for name, value in said.items() if value != NO_OBJECT}
        return Epoch(self._loss(log, number), None, said["AP"], seconds, measured)

    def _loss(self, log: str, number: int) -> float | None:
        said = (_last(rf"\[Epoch {number}\] Training cost: .*{name}=([\d.]+)", log) for name in LOSSES)
        losses = [loss for loss in said if loss is not None]
        return sum(losses) if len(losses) == len(LOSSES) else None


SCRIPT_ADAPTERS = {adapter.path: adapter for adapter in (Classification(), Segmentation(), Detection())}


def _imagenet(folder: Path) -> list[str]:
    rec = folder / "rec"
    if (rec / "train.rec").is_file():
        names = {"--rec-train": "train.rec", "--rec-train-idx": "train.idx"}
        names.update({"--rec-val": "val.rec", "--rec-val-idx": "val.idx"})
        return ["--use-rec", *(word for option, name in names.items() for word in (option, str(rec / name)))]
    if (folder / "train").is_dir():
        return ["--data-dir", str(folder)]
    raise DOConvError(f"{folder} has neither rec/train.rec nor a folder train")


def _is_whole(params: Path) -> bool:
    try:
        with params.open("rb") as file:
            params_format.check(file)
    except (OSError, ValueError):
        return False
    return True


def _last(pattern: str, text: str) -> float | None:
    """The number in the last match: of a training that was gone on with, the log has some epochs twice."""
    found = re.findall(pattern, text)
    return float(found[-1]) if found else None

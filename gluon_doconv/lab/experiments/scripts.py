"""Train by a script of GluonCV's, unmodified, under ``gluon-doconv run``; read what it logs and saves.

An epoch counts once the script has saved it. Killed and started again a training goes on after the last such
epoch. Scripts shuffle as they like, and only ``train_imagenet.py`` keeps the optimiser's states: it does not
end with the very numbers it would have had otherwise.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import mxnet as mx

from ...core.config_text import to_arguments
from ...errors import DOConvError
from ..configuration import Command
from ..records import Record
from .script_adapters import SAVED, SCRIPT_ADAPTERS, ScriptAdapter

LOG = "script.log"
LINES_OF_A_FAILURE = 15


@dataclass(frozen=True)
class Sources:
    """What trainings need that is not bundled: a folder of data sets, a checkout of GluonCV.

    The data sets are in the folders in which GluonCV looks for them: cifar10, imagenet, voc, citys, coco.
    """

    data: Path | None = None
    gluoncv: Path | None = None


@dataclass(frozen=True)
class ScriptTraining:
    """A training by a script, in a folder of its own; ``backbone`` is a file to be served as pretrained."""

    record: Record
    folder: Path
    checkout: Path
    data: Path
    backbone: Path | None = None

    @classmethod
    def of(cls, record: Record, folder: Path, sources: Sources, backbone: Path | None = None) -> ScriptTraining:
        """Check that there is all it needs.

        Raises
        ------
        DOConvError
            If the data, the checkout or the script are missing, or the GPUs cannot share a batch.
        """
        if sources.gluoncv is None or sources.data is None:
            raise DOConvError(
                f"{record.configuration.data} is trained on by GluonCV's own script: give a checkout of GluonCV"
                " with --gluoncv, and the folder of the data sets with --data"
            )
        training = cls(record, folder, sources.gluoncv.resolve(), sources.data.resolve(), backbone)
        if not training.script.is_file():
            raise DOConvError(
                f"{sources.gluoncv} is no checkout of GluonCV: it has no {training.command.script}"
            )
        gpus = mx.context.num_gpus()
        if training.command.batch_size % max(1, gpus):
            raise DOConvError(f"{gpus} GPUs cannot share batches of {training.command.batch_size}")
        return training

    @property
    def command(self) -> Command:
        """The recipe."""
        assert isinstance(self.record.configuration.recipe, Command)
        return self.record.configuration.recipe

    @property
    def adapter(self) -> ScriptAdapter:
        """What there is to know of the script."""
        return SCRIPT_ADAPTERS[self.command.script]

    @property
    def script(self) -> Path:
        """The script's path."""
        return self.checkout / self.command.script

    def command_line(self, record: Record) -> list[str]:
        """``gluon-doconv run`` with the seed and the variant's options, the script and its arguments."""
        configuration, done = record.configuration, len(record.epochs)
        doconv = configuration.variant.config
        saved = self.adapter.saved(self.folder, configuration, done - 1) if done else []
        given = self.adapter.arguments(configuration, record.seed, mx.context.num_gpus(), self.data)
        return [
            *(sys.executable, "-m", "gluon_doconv", "run", "--seed", str(record.seed)),
            *(["--off"] if doconv is None else to_arguments(doconv)),
            *(("--weights", str(self.folder / "weights")) if self.backbone else ()),
            *(str(self.script), *given, *self.command.arguments),
            *(self.adapter.resumption(saved, done) if done else ()),
        ]

    def prepare(self) -> dict[str, str]:
        """Lead the script to the data and the backbone; the environment it is to run in."""
        datasets = self.folder / "home" / ".mxnet" / "datasets"
        datasets.parent.mkdir(parents=True, exist_ok=True)
        _link(datasets, self.data)
        (self.folder / SAVED).mkdir(exist_ok=True)
        if self.backbone:
            (self.folder / "weights").mkdir(exist_ok=True)
            base = self.record.configuration.backbone
            assert base is not None
            _link(self.folder / "weights" / f"{base.network}.params", self.backbone.resolve())
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # of what was compiled before
        return {**os.environ, "HOME": str(self.folder.resolve() / "home"), "XDG_CACHE_HOME": cache}

    def advanced_by(self, record: Record, log: str) -> Record:
        """The record with every epoch that has been saved since."""
        while not record.finished:
            number = len(record.epochs)
            saved = self.adapter.saved(self.folder, record.configuration, number)
            epoch = self.adapter.epoch(log, saved, number) if saved else None
            if epoch is None:
                break
            record = record.with_epoch(epoch)
            record.save(self.folder)
            self._remove_superfluous(record, number)
        return record

    def _remove_superfluous(self, record: Record, number: int) -> None:
        """What epochs before the last two have left, and copies of the best: a hundred epochs fill a disk."""
        old = self.adapter.saved(self.folder, record.configuration, number - 2)
        for path in (*old, *(self.folder / SAVED).glob("*-best.*")):
            path.unlink()

    def final_parameters(self) -> Path:
        """What a finished training has saved last."""
        last = self.command.epochs - 1
        return self.adapter.saved(self.folder, self.record.configuration, last)[0]


def train_by_script(training: ScriptTraining, progress: Callable[[Record], None] = lambda _: None) -> Record:
    """Run a script to its end, saving the record in its folder after every epoch; ``progress`` is told of it.

    Returns
    -------
    The finished record.

    Raises
    ------
    DOConvError
        If the script fails; the end of what it said is quoted.
    """
    record, path = training.record, training.folder / LOG
    environment = training.prepare()
    lines = path.read_text(errors="replace").splitlines(keepends=True) if path.exists() else []
    with path.open("a") as log, subprocess.Popen(
        training.command_line(record),
        cwd=training.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                log.write(line)
                log.flush()
                lines.append(line)
                if "poch" in line:
                    record = _told(training.advanced_by(record, "".join(lines)), record, progress)
        except BaseException:  # such as Ctrl-C: the script is not to go on alone
            process.terminate()
            raise
    record = _told(training.advanced_by(record, "".join(lines)), record, progress)
    if process.returncode or not record.finished:
        end = "".join(lines[-LINES_OF_A_FAILURE:])
        raise DOConvError(f"the script ended with {process.returncode}; {path} ends:\n{end}")
    return record


def _told(record: Record, before: Record, progress: Callable[[Record], None]) -> Record:
    if len(record.epochs) > len(before.epochs):
        progress(record)
    return record


def _link(link: Path, target: Path) -> None:
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target)

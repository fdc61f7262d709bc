"""Train by a script of GluonCV's, unmodified, under ``gluon-doconv run``; read what it logs.

Killed and started again a training goes on after the last epoch that the script has saved. Scripts shuffle as
they like: it does not end with the very numbers it would have had otherwise.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Callable

import mxnet as mx

from .. import container
from ..errors import DOConvError
from .configuration import Command, Variant
from .records import Epoch, Record

LOG = "script.log"
TRAINED = re.compile(r"\[Epoch (\d+)\] training: \S+=([\d.]+)")
TIMED = re.compile(r"\[Epoch (\d+)\] speed: .*time cost: ([\d.]+)")
VALIDATED = re.compile(r"\[Epoch (\d+)\] validation: err-top1=([\d.]+)")
LINES_OF_A_FAILURE = 15


def train_by_script(
    record: Record,
    folder: Path,
    checkout: Path,
    data: Path,
    progress: Callable[[Record], None] = lambda _: None,
) -> Record:
    """Run the script of a record to its end, saving the record in ``folder`` after every epoch.

    Parameters
    ----------
    record : whose recipe is a :class:`~gluon_doconv.experiments.configuration.Command`
    folder : of the training; the script runs in it
    checkout : of GluonCV
    data : folder that holds ``imagenet``, with ``rec`` in it or with a folder of images for each class
    progress : is told of every epoch

    Returns
    -------
    The finished record.

    Raises
    ------
    DOConvError
        If the script or the data are missing, or the script fails; the end of what it said is quoted.
    """
    record = _as_far_as_saved(record, folder)
    arguments = command_line(record, checkout, data)
    with (folder / LOG).open("a") as log:
        process = subprocess.Popen(
            arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        known: dict[str, dict[int, float]] = {"trained": {}, "timed": {}}
        try:
            for line in process.stdout:
                log.write(line)
                log.flush()
                epoch = _read_line(line, known)
                if epoch is not None and not record.finished:
                    record = record.with_epoch(epoch)
                    record.save(folder)
                    _remove_older(folder, len(record.epochs))
                    progress(record)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
    if process.returncode or not record.finished:
        end = "".join((folder / LOG).read_text().splitlines(keepends=True)[-LINES_OF_A_FAILURE:])
        raise DOConvError(f"the script ended with {process.returncode}; {folder / LOG} ends:\n{end}")
    return record


def command_line(record: Record, checkout: Path, data: Path) -> list[str]:
    """What runs: the seed, ``gluon-doconv run`` with the variant's options, the script and its arguments."""
    command = record.configuration.recipe
    assert isinstance(command, Command)
    script = checkout.resolve() / command.script
    if not script.is_file():
        raise DOConvError(f"{checkout} is no checkout of GluonCV: it has no {command.script}")
    gpus = mx.context.num_gpus()
    if command.batch_size % max(1, gpus):
        raise DOConvError(f"{gpus} GPUs cannot share batches of {command.batch_size}: make fewer visible")
    return [
        *(sys.executable, "-m", "gluon_doconv.experiments.seeded", str(record.seed)),
        *("run", *_options(record.configuration.variant), str(script)),
        *("--model", record.configuration.network, *command.arguments),
        *("--num-epochs", str(command.epochs), "--batch-size", str(command.batch_size // max(1, gpus))),
        *("--num-gpus", str(gpus), "--save-dir", "params", "--save-frequency", "1"),
        *_data(data.resolve()),
        *_going_on(record),
    ]


def _options(variant: Variant) -> list[str]:
    if not variant.doconv:
        return ["--off"]
    stages = [] if variant.stages is None else ["--stages", ",".join(map(str, variant.stages))]
    d_mul = [] if variant.d_mul is None else ["--d-mul", str(variant.d_mul)]
    return [*stages, *d_mul, "--d-initializer", variant.d_initializer]


def _data(folder: Path) -> list[str]:
    images, rec = folder / "imagenet", folder / "imagenet" / "rec"
    if (rec / "train.rec").is_file():
        files = (("train", "rec"), ("train", "idx"), ("val", "rec"), ("val", "idx"))
        named = {("train", "rec"): "--rec-train", ("train", "idx"): "--rec-train-idx"}
        named.update({("val", "rec"): "--rec-val", ("val", "idx"): "--rec-val-idx"})
        return ["--use-rec", *(word for f in files for word in (named[f], str(rec / ".".join(f))))]
    if (images / "train").is_dir():
        return ["--data-dir", str(images)]
    raise DOConvError(f"{folder} has neither imagenet/rec/train.rec nor a folder imagenet/train")


def _going_on(record: Record) -> list[str]:
    done = len(record.epochs)
    if not done:
        return []
    params, states = (str(_state(record, done, kind)) for kind in ("params", "states"))
    return ["--resume-epoch", str(done), "--resume-params", params, "--resume-states", states]


def _as_far_as_saved(record: Record, folder: Path) -> Record:
    """Without the epochs at the end whose states the script did not come to save whole."""
    done = len(record.epochs)
    while done and not _is_saved(folder, record, done):
        done -= 1
    return replace(record, epochs=record.epochs[:done])


def _is_saved(folder: Path, record: Record, done: int) -> bool:
    params, states = (folder / _state(record, done, kind) for kind in ("params", "states"))
    try:
        container.check(params)
    except (OSError, ValueError):
        return False
    return states.is_file() and states.stat().st_size > 0


def _state(record: Record, done: int, kind: str) -> Path:
    """The script numbers epochs from 0."""
    return Path("params") / f"imagenet-{record.configuration.network}-{done - 1}.{kind}"


def _read_line(line: str, known: dict[str, dict[int, float]]) -> Epoch | None:
    """Remember what a line says of an epoch; the epoch itself once its last line has come."""
    for name, pattern in (("trained", TRAINED), ("timed", TIMED)):
        found = pattern.search(line)
        if found:
            known[name][int(found.group(1))] = float(found.group(2))
    found = VALIDATED.search(line)
    if not found:
        return None
    number, error = int(found.group(1)), float(found.group(2))
    return Epoch(None, known["trained"].get(number, 0.0), 1 - error, known["timed"].get(number, 0.0))


def _remove_older(folder: Path, done: int) -> None:
    """The script saves an epoch after it has said what came of it: keep the one before."""
    for path in (folder / "params").glob("*"):
        number = re.search(r"-(\d+)(-best)?\.(params|states)$", path.name)
        if number and int(number.group(1)) < done - 2:
            path.unlink()

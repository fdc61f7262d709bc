"""Steps that run a script of GluonCV under ``gluon-doconv run``, in a process and a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .case import CheckError, Findings, Place

LIMIT = 3600  # seconds for one script
LOG = "log.txt"
OWN = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """Run a script once.

    Parameters
    ----------
    folder : where it runs, below the case's own folder
    script : its path below the checkout's ``scripts``
    arguments : its own; see :meth:`Place.fill`
    options : of ``gluon-doconv run``
    epoch : the first epoch of a run that is to be repeatable; see ``repeatable.py``
    constant_lr : whether a repeatable run keeps its first learning rate
    variable : of the environment, ``NAME=value``
    """

    folder: str
    script: str
    arguments: str
    options: str = ""
    epoch: int | None = None
    constant_lr: bool = False
    variable: str = ""

    def __call__(self, place: Place) -> Findings:
        """Run it to its end; raise CheckError if that is not a good one."""
        work = place.work / self.folder
        (work / "params").mkdir(parents=True, exist_ok=True)
        run_logged(self._command(place), work, place)
        return {}

    def _command(self, place: Place) -> list[str]:
        script = [str(place.checkout / "scripts" / self.script), *place.fill(self.arguments)]
        if self.epoch is not None:
            constant = ["--constant-lr"] if self.constant_lr else []
            script = [str(OWN / "repeatable.py"), "--epoch", str(self.epoch), *constant, *script]
        environment = ["env", self.variable] if self.variable else []
        return [*environment, *doconv_run(place, self.options), *script]


@dataclass(frozen=True)
class Give:
    """Give an earlier run's file to the next ones, as the pretrained file of a model."""

    pattern: str
    model: str

    def __call__(self, place: Place) -> Findings:
        """Copy it to ``weights/MODEL.params`` in the case's own folder."""
        weights = place.work / "weights"
        weights.mkdir(exist_ok=True)
        shutil.copy(place.find(self.pattern), weights / f"{self.model}.params")
        return {}


def doconv_run(place: Place, options: str = "") -> list[str]:
    """The beginning of a command line; the options may name another folder of weights."""
    weights = ["--weights", str(place.shared / "weights")]
    return [sys.executable, "-m", "gluon_doconv", "run", *weights, *place.fill(options)]


def run_logged(command: list[str], folder: Path, place: Place) -> None:
    """Run a command with the checkout's GluonCV and the rehearsal's home folder, its output in ``log.txt``."""
    path = os.pathsep.join([str(place.checkout), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "HOME": str(place.shared / "home"), "PYTHONPATH": path}
    with open(folder / LOG, "w") as log:
        try:
            code = subprocess.run(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=LIMIT
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise CheckError(f"{folder.name}: no end after {LIMIT} s") from error
    if code:
        lines = (folder / LOG).read_text().strip().splitlines() or [""]
        raise CheckError(f"{folder.name}: exit code {code}: {lines[-1][:150]}")

"""Steps that run a script of GluonCV under ``gluon-doconv run``, in a process and a folder of its own."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import processes
from .case import CannotRunError, CheckError, Findings, Place, Step

LIMIT = 3600  # seconds for one script
LOG = "log.txt"
OWN = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """Run a script once.

    Parameters
    ----------
    folder : where it runs, below the case's own folder
    script : its path, absolute or below the checkout's ``scripts``
    arguments : its own; see :meth:`Place.fill`
    options : of ``gluon-doconv run``
    epoch : the first epoch of a run that is to be repeatable; see ``repeatable.py``
    constant_lr : whether a repeatable run keeps its first learning rate
    batches : after how many each pass of a repeatable run over a DataLoader ends; None is its length
    variable : of the environment, ``NAME=value``
    """

    folder: str
    script: str
    arguments: str
    options: str = ""
    epoch: int | None = None
    constant_lr: bool = False
    batches: int | None = None
    variable: str = ""

    def __call__(self, place: Place) -> Findings:
        """Run it to its end; raise CheckError if that is not a good one."""
        work = place.work / self.folder
        (work / "params").mkdir(parents=True, exist_ok=True)
        run_logged(self._command(place), work, place)
        return {}

    def _command(self, place: Place) -> list[str]:
        script = [place.script(self.script), *place.fill(self.arguments)]
        if self.epoch is not None:
            constant = ["--constant-lr"] if self.constant_lr else []
            short = [] if self.batches is None else ["--batches", str(self.batches)]
            script = [str(OWN / "repeatable.py"), "--epoch", str(self.epoch), *constant, *short, *script]
        environment = ["env", self.variable] if self.variable else []
        return [*environment, *doconv_run(place, self.options), *script]


def dies(script: str, arguments: str) -> Step:
    """Check that a script dies without DO-Conv, whatever is worked around, and say of what."""

    def run(place: Place) -> Findings:
        try:
            Run("stock", script, arguments, "--off")(place)
        except CheckError as error:
            raise CannotRunError(f"without DO-Conv, {error}") from error
        raise CheckError("without DO-Conv it runs")

    return run


def horovod_run(folder: str, script: str, arguments: str, workers: int) -> Step:
    """Run a script in ``workers`` processes here, connected by gloo, each in a folder named by its rank.

    GluonCV's script lets every worker write the same file; here each writes its own.
    """

    def run(place: Place) -> Findings:
        work = place.work / folder
        for rank in range(workers):
            (work / str(rank) / "params").mkdir(parents=True)
        command = [*doconv_run(place), place.script(script), *place.fill(arguments)]
        horovodrun = str(Path(sys.executable).with_name("horovodrun"))
        places = ["--gloo", "-np", str(workers), "-H", f"localhost:{workers}"]
        worker = f'cd "$HOROVOD_RANK" && exec {shlex.join(command)}'
        run_logged([horovodrun, *places, "sh", "-c", worker], work, place)
        return {}

    return run


def give(pattern: str, model: str) -> Step:
    """Give an earlier run's file to the next ones: as ``weights/MODEL.params`` in the case's own folder."""

    def copy(place: Place) -> Findings:
        weights = place.work / "weights"
        weights.mkdir(exist_ok=True)
        shutil.copy(place.find(pattern), weights / f"{model}.params")
        return {}

    return copy


def doconv_run(place: Place, options: str = "") -> list[str]:
    """Return the beginning of a command line; the options may name another folder of weights."""
    weights = ["--weights", str(place.shared / "weights")]
    return [sys.executable, "-m", "gluon_doconv", "run", *weights, *place.fill(options)]


def run_logged(command: list[str], folder: Path, place: Place) -> None:
    """Run a command with the checkout's GluonCV and the rehearsal's home folder, its output in ``log.txt``."""
    environment = processes.environment_with(place.checkout, HOME=str(place.shared / "home"))
    try:
        processes.run(command, folder / LOG, seconds=LIMIT, folder=folder, environment=environment)
    except processes.ProcessError as error:
        raise CheckError(f"{folder.name}: {error}") from error

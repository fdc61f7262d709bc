"""What two workers ended with, held against each other and against a training that nobody interrupted."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import gluon_doconv as doconv

from ..upstream.case import CheckError
from ..upstream.comparing import Arrays, is_d, read, require_same
from .jobs import JobError, Mode, run

EPOCHS, KILLED_IN = 3, 1
HEADERS = ["mode", "D trained", "arrays identical on both workers", "a worker killed, the job restarted"]


@dataclass(frozen=True)
class Outcome:
    """A row of the table, and what was wrong in this mode."""

    mode: str
    trained: str = ""
    identical: str = ""
    restarted: str = ""
    problem: str = ""

    def row(self) -> tuple[str, ...]:
        """The cells below HEADERS."""
        return (self.mode, self.trained, self.identical, self.problem or self.restarted)


def examine(mode: Mode, folder: Path) -> Outcome:
    """Train whole, then once more with a worker killed and the job restarted from what it had saved."""
    if mode.needs and not importlib.util.find_spec(mode.needs):
        return Outcome(mode.name, problem=f"{mode.needs} is not installed")
    try:
        return _examine(mode, folder)
    except (CheckError, JobError) as error:
        return Outcome(mode.name, problem=str(error))


def _examine(mode: Mode, folder: Path) -> Outcome:
    whole, broken = folder / "whole", folder / "broken"
    run(mode, whole, "--epochs", str(EPOCHS))
    trained = _all_trained(_saved(whole, 0))
    _kill_and_restart(mode, broken)
    if not mode.synchronous:
        return Outcome(mode.name, trained, "not promised", _all_trained(_saved(broken, 0)))
    for job in (whole, broken):
        require_same(_shared(_saved(job, 0)), _shared(_saved(job, 1)))
    require_same(_shared(_saved(whole, 0)), _shared(_saved(broken, 0)))
    return Outcome(
        mode.name, trained, f"{len(_shared(_saved(whole, 0)))}, also folded", "ends where the whole one ends"
    )


def _kill_and_restart(mode: Mode, folder: Path) -> None:
    try:
        run(mode, folder, "--epochs", str(EPOCHS), "--die-in", str(KILLED_IN))
    except JobError:
        run(mode, folder, "--epochs", str(EPOCHS), "--resume", str(KILLED_IN))
    else:
        raise CheckError("the job did not end although a worker was killed")


def _saved(folder: Path, rank: int) -> Arrays:
    """What a worker saved at the end, folded: read beside the unfolded arrays under names of their own."""
    path = folder / f"{rank}-{EPOCHS - 1}.params"
    folded = path.with_suffix(".folded")
    doconv.fold_params(path, folded)
    return {**read(path), **{f"folded:{name}": array for name, array in read(folded).items()}}


def _shared(arrays: Arrays) -> Arrays:
    """All but BatchNorm's statistics, which each worker has of its own data."""
    return {name: array for name, array in arrays.items() if "running" not in name}


def _all_trained(arrays: Arrays) -> str:
    ds = {name: array for name, array in arrays.items() if is_d(name)}
    trained = sum(bool(array.any()) for array in ds.values())
    if not ds or trained < len(ds):
        raise CheckError(f"{trained} of {len(ds)} D have moved")
    return f"{trained} of {len(ds)}"

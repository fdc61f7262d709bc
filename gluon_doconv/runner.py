"""Run somebody else's script unchanged, with DO-Conv in every network that GluonCV builds for it."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from contextlib import ExitStack
from pathlib import Path

from .compat.mends import MENDS, apply_mends
from .errors import DOConvError
from .job import VARIABLE, Job, Program
from .saves import Saves
from .weights import serve_weights
from .zoo.conversion import Conversion
from .zoo.guard import refuse_plain_trainers
from .zoo.networks import register_networks
from .zoo.patch import patch, unpatch
from .zoo.registry import register, unregister

PREFIX = "gluon-doconv:"
SPAWNED = "gluon_doconv.spawned"


def run(job: Job) -> None:
    """Run a script in this process as Python would: its ``sys.argv``, its folder on ``sys.path``, ``__main__``.

    It ends as the script ends: by returning, by its own ``SystemExit``, or by its exception. What was built and
    saved is then said on standard error.

    Raises
    ------
    DOConvError
        If there is no such script, or if it ended well without GluonCV having built a network.
    """
    job.check()
    sys.path.insert(0, os.getcwd() if job.is_module else str(Path(job.target).resolve().parent))
    program = job.program()
    for mend in MENDS:
        state = "off" if mend.name in job.without_mends else "on"
        _say(f"mend {mend.name} is {state}: {mend.what}")
    if job.selection is None:
        _say("DO-Conv is off: the script runs plain")
    saves = Saves(job.fold_on_save)
    with ExitStack() as stack:
        active = prepare(job, stack)
        if active is not None:
            stack.callback(_report, active, saves)
            stack.callback(saves.watch())
        os.environ[VARIABLE] = job.to_text()
        _execute(program, [program.file, *job.arguments])
    if active is not None and not active.built:
        raise DOConvError(
            "the script ended, but no network with DO-Conv was built in it: nothing was trained with DO-Conv"
        )


def prepare(job: Job, stack: ExitStack) -> Conversion | None:
    """Hook into MXNet and GluonCV as ``job`` says, and leave it to ``stack`` to undo that.

    Returns
    -------
    What is made of the networks; None where the script runs plain.
    """
    stack.callback(apply_mends(tuple(job.without_mends)))
    stack.callback(serve_weights(None if job.weights is None else Path(job.weights)))
    stack.callback(register_networks())
    os.environ.pop("GLUON_DOCONV", None)  # what makes a patched checkout patch itself: here the runner decides
    if job.selection is None:
        return None
    named = register(**job.selection)
    stack.callback(unregister)
    if job.only_named:
        stack.callback(refuse_plain_trainers(named, "Ask for a network whose name ends in _doconv."))
        return named
    active = patch(**job.selection)
    stack.callback(unpatch)
    return active


def _execute(program: Program, argv: list[str]) -> None:
    """Run ``program`` in a real ``__main__``, which stays.

    Pickling, worker processes and threads that outlive the script look it up.
    """
    sys.argv = argv
    module = types.ModuleType("__main__")
    module.__file__, module.__package__ = program.file, program.package
    module.__spec__ = importlib.util.find_spec(SPAWNED)  # what spawned processes import in its place
    sys.modules["__main__"] = module
    exec(program.code, module.__dict__)


def _report(active: Conversion, saves: Saves) -> None:
    for built in active.built:
        _say(f"{built.name}: {built.doconv} of {built.convolutions} convolutions are DO-Conv")
    for note in saves.notes:
        _say(note)


def _say(text: str) -> None:
    print(f"{PREFIX} {text}", file=sys.stderr, flush=True)

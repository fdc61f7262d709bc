"""Run somebody else's script unchanged, with DO-Conv in every network that GluonCV builds for it."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ..compat.workarounds import WORKAROUNDS, apply_workarounds
from ..core.config_text import SWITCH
from ..disk.atomic import temporary_folder
from ..errors import DOConvError
from ..patching.converter import Converter
from ..patching.modules import convert_modules
from ..patching.own_networks import convert_trained
from ..patching.patch import patch_as
from ..patching.pretrained import serve_weights
from ..patching.registry import register_as, register_networks, unregister
from ..patching.state import PATCHES, hold
from ..patching.trainer_guard import guard_trainers, require_doconv_trained
from .checkpoint_log import CheckpointLog
from .run_config import VARIABLE, Program, RunConfig
from .seeding import seed_generators

PREFIX = "gluon-doconv:"
NOT_CONVERTED = "GluonCV did not build it (--all-networks converts that, too), or nothing of it was chosen"
SPAWNED = "gluon_doconv.runner.worker_main"


def run(config: RunConfig) -> None:
    """Run a script in this process as Python would: its ``sys.argv``, its folder on ``sys.path``, ``__main__``.

    It ends as the script ends: by returning, by its own ``SystemExit``, or by its exception. What was built and
    saved is then said on standard error.

    Raises
    ------
    DOConvError
        If there is no such script or workaround, or if it ended well without GluonCV having built a network.
    """
    sys.path.insert(0, os.getcwd() if config.is_module else str(Path(config.target).resolve().parent))
    program = config.program()
    with ExitStack() as stack:
        notes = stack.enter_context(temporary_folder()) / "notes"
        notes.touch()
        config = replace(config, notes=str(notes))
        checkpoints = CheckpointLog(config.fold_on_save, config.notes)
        active = prepare(config, stack)
        _announce(config)
        if active is not None:
            stack.callback(_report, active, checkpoints, os.getpid())
        os.environ[VARIABLE] = config.to_text()
        if config.seed is not None:
            seed_generators(config.seed)
        _execute(program, [program.file, *config.arguments])
        if active is not None and active.built:
            require_doconv_trained(active)
        nothing_built = active is not None and not active.built and not checkpoints.notes
    if nothing_built:
        raise DOConvError(
            "the script ended, but no network with DO-Conv was built in it: nothing was trained with DO-Conv"
        )


def prepare(config: RunConfig, stack: ExitStack) -> Converter | None:
    """Hook into MXNet and GluonCV as ``config`` says, and leave it to ``stack`` to undo that.

    What is saved of DO-Conv networks then is noted, in the worker processes of a script as in the first.

    Returns
    -------
    What is made of the networks; None where the script runs plain.
    """
    active = _activate(config, stack)
    if active is not None:
        stack.callback(CheckpointLog(config.fold_on_save, config.notes).watch())
    return active


def _activate(config: RunConfig, stack: ExitStack) -> Converter | None:
    stack.callback(apply_workarounds(tuple(config.without_workarounds)))
    stack.callback(serve_weights(None if config.weights is None else Path(config.weights)))
    stack.callback(hold(register_networks))
    os.environ.pop(SWITCH, None)  # a patched checkout would patch itself: here the runner decides
    if config.doconv is None:
        return None
    named = register_as(config.doconv)
    stack.callback(unregister)
    if config.only_named:
        stack.callback(guard_trainers("Ask for a network whose name ends in _doconv."))
        return named
    active = patch_as(config.doconv)
    stack.callback(PATCHES.stop, active)
    if config.all_networks:
        stack.callback(convert_modules(active))
        stack.callback(convert_trained(active))
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


def _announce(config: RunConfig) -> None:
    on = [workaround for workaround in WORKAROUNDS if workaround.name not in config.without_workarounds]
    off = [workaround.name for workaround in WORKAROUNDS if workaround not in on]
    _say(f"{len(on)} workarounds are on{'' if config.verbose else ' (-v lists them)'}")
    if config.verbose:
        for workaround in on:
            _say(f"  {workaround.name}: {workaround.what}")
    if off:
        _say(f"workarounds that are off: {', '.join(off)}")
    if config.doconv is None:
        _say("DO-Conv is off: the script runs plain")


def _report(active: Converter, checkpoints: CheckpointLog, process: int) -> None:
    if os.getpid() != process:  # but a fork of it, which ends as a script does
        return
    for built in active.built:
        _say(f"{built.name}: {built.doconv} of {built.convolutions} convolutions are DO-Conv")
    for kernel in active.trainings.plain:
        _say(f"{kernel} and what was trained with it stayed plain: {NOT_CONVERTED}")
    for note in checkpoints.notes:
        _say(note)


def _say(text: str) -> None:
    print(f"{PREFIX} {text}", file=sys.stderr, flush=True)

"""Run somebody else's script unchanged, with DO-Conv in every network that GluonCV builds for it."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
import types
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from mxnet.gluon import Block

from .checkpoint import fold_params
from .compat.mends import MENDS, apply_mends
from .convert import doconv_sites
from .errors import DOConvError
from .hooks import wrap_method
from .weights import serve_weights
from .zoo.networks import register_networks, unregister_networks
from .zoo.patch import Patch, patch, unpatch
from .zoo.registry import register, unregister

PREFIX = "gluon-doconv:"
SPAWNED = "gluon_doconv.spawned"


@dataclass(frozen=True)
class Job:
    """What to run, and how.

    Parameters
    ----------
    target : path of a script, or name of a module where ``is_module``
    arguments : the script's own
    selection : keywords of :func:`~gluon_doconv.patch`; None runs the script plain
    fold_on_save : write every saved DO-Conv checkpoint folded as well, as ``NAME-folded.params``
    weights : folder with pretrained files
    without_mends : names of mends (:data:`~gluon_doconv.compat.mends.MENDS`) that are not wanted
    """

    target: str
    arguments: Sequence[str] = ()
    is_module: bool = False
    selection: Mapping[str, Any] | None = field(default_factory=dict)
    fold_on_save: bool = False
    weights: Path | None = None
    without_mends: tuple[str, ...] = ()


def run(job: Job) -> None:
    """Run a script in this process as Python would: its ``sys.argv``, its folder on ``sys.path``, ``__main__``.

    It ends as the script ends: by returning, by its own ``SystemExit``, or by its exception. What was built and
    saved is then said on standard error.

    Raises
    ------
    DOConvError
        If there is no such script, or if it ended well without GluonCV having built a network.
    """
    if not job.is_module and not os.path.isfile(job.target):
        raise DOConvError(f"{job.target}: there is no such script")
    unknown = set(job.without_mends) - {mend.name for mend in MENDS}
    if unknown:
        raise DOConvError(
            f"no mend is called {sorted(unknown)[0]!r}; there are {[mend.name for mend in MENDS]}"
        )
    saved: list[str] = []
    with ExitStack() as stack:
        active = _prepare(job, saved, stack)
        stack.callback(_report, active, saved)
        _execute(job)
    if active is not None and not active.built:
        raise DOConvError(
            "the script ended, but GluonCV built no network in it: nothing was trained with DO-Conv"
        )


def _prepare(job: Job, saved: list[str], stack: ExitStack) -> Patch | None:
    """Hook into MXNet and GluonCV, and leave it to ``stack`` to undo that."""
    stack.callback(apply_mends(job.without_mends))
    for mend in MENDS:
        state = "off" if mend.name in job.without_mends else "on"
        _say(f"mend {mend.name} is {state}: {mend.what}")
    stack.callback(serve_weights(job.weights))
    register_networks()
    stack.callback(unregister_networks)
    os.environ.pop("GLUON_DOCONV", None)  # what makes a patched checkout patch itself: here the runner decides
    if job.selection is None:
        _say("DO-Conv is off: the script runs plain")
        return None
    active = patch(**job.selection)
    stack.callback(unpatch)
    register()
    stack.callback(unregister)

    def save_parameters(
        original: Callable[..., None], net: Block, filename: str, *args: Any, **kwargs: Any
    ) -> None:
        original(net, filename, *args, **kwargs)
        if doconv_sites(net):
            saved.append(str(filename))
            if job.fold_on_save:
                saved.append(_fold_beside(Path(filename)))

    stack.callback(wrap_method(Block, "save_parameters", save_parameters))
    return active


def _fold_beside(path: Path) -> str:
    target = path.with_name(f"{path.stem}-folded{path.suffix}")
    fold_params(path, target)
    return str(target)


def _execute(job: Job) -> None:
    sys.argv = [job.target, *job.arguments]
    if job.is_module:
        sys.path.insert(0, os.getcwd())
        runpy.run_module(job.target, run_name="__main__", alter_sys=True)
        return
    sys.path.insert(0, str(Path(job.target).resolve().parent))
    # A real __main__, which stays: pickling, worker processes and threads that outlive the script look it up.
    module = types.ModuleType("__main__")
    module.__file__ = job.target
    module.__spec__ = importlib.util.find_spec(SPAWNED)  # what spawned processes import in its place
    os.environ["GLUON_DOCONV_SCRIPT"] = os.path.abspath(job.target)
    sys.modules["__main__"] = module
    code = compile(Path(job.target).read_bytes(), job.target, "exec")
    exec(code, module.__dict__)


def _report(active: Patch | None, saved: Sequence[str]) -> None:
    if active is None:
        return
    for built in active.built:
        _say(f"{built.name}: {built.doconv} of {built.convolutions} convolutions are DO-Conv")
    for path in dict.fromkeys(saved):
        _say(f"wrote {path}")


def _say(text: str) -> None:
    print(f"{PREFIX} {text}", file=sys.stderr, flush=True)

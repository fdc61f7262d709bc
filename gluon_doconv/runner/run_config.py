"""What somebody else's script is to be run with; it travels to the script's worker processes as text."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import CodeType
from typing import NamedTuple, Sequence

from ..core.config import DOConvConfig
from ..errors import DOConvError

VARIABLE = "GLUON_DOCONV_RUN_CONFIG"  # in the environment of the runner and so of its worker processes


class Program(NamedTuple):
    """What ``__main__`` consists of: its code, the file that is from, and its package (None for a script)."""

    code: CodeType
    file: str
    package: str | None


@dataclass(frozen=True)
class RunConfig:
    """What to run, and how.

    Parameters
    ----------
    target : path of a script, or name of a module where ``is_module``
    arguments : the script's own
    doconv : what networks are given; None runs the script plain
    only_named : only networks asked for as ``NAME_doconv`` get DO-Conv, not whatever GluonCV builds
    all_networks : what is trained and GluonCV does not build gets DO-Conv too: Modules of symbols, Blocks
    fold_on_save : write every saved DO-Conv checkpoint folded as well, as ``NAME-folded.params``
    weights : folder with pretrained files
    seed : see :func:`~gluon_doconv.runner.seeding.seed_generators`; None seeds nothing
    without_workarounds : names of :data:`~gluon_doconv.compat.workarounds.WORKAROUNDS` that are not wanted
    notes : file in which its processes note what they save, see
        :class:`~gluon_doconv.runner.checkpoint_log.CheckpointLog`
    verbose : name each workaround on standard error, not only how many there are
    """

    target: str
    arguments: Sequence[str] = ()
    is_module: bool = False
    doconv: DOConvConfig | None = field(default_factory=DOConvConfig)
    only_named: bool = False
    all_networks: bool = False
    fold_on_save: bool = False
    weights: str | None = None
    seed: int | None = None
    without_workarounds: Sequence[str] = ()
    notes: str = os.devnull
    verbose: bool = False

    def program(self) -> Program:
        """The code to run, found as Python would find it.

        Raises
        ------
        DOConvError
            If there is no such script, or no such module.
        """
        if self.is_module:
            return _module(self.target)
        if not os.path.isfile(self.target):
            raise DOConvError(f"{self.target}: there is no such script")
        source = Path(self.target).read_bytes()
        return Program(compile(source, self.target, "exec", dont_inherit=True), self.target, None)

    def to_text(self) -> str:
        """This config for :meth:`from_text`, in any folder."""
        here = {} if self.is_module else {"target": os.path.abspath(self.target)}
        weights = None if self.weights is None else os.path.abspath(self.weights)
        return json.dumps({**asdict(self), **here, "weights": weights})

    @classmethod
    def from_text(cls, text: str) -> RunConfig:
        """The inverse of :meth:`to_text`."""
        given = json.loads(text)
        doconv = given["doconv"] and DOConvConfig(**given["doconv"])
        return cls(**{**given, "doconv": doconv})


def _module(name: str) -> Program:
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        raise DOConvError(f"there is no module {name}: {error}") from error
    code = getattr(spec.loader, "get_code", lambda _: None)(spec.name) if spec else None
    if spec is None or code is None:
        raise DOConvError(f"there is no module {name} that could be run")
    return Program(code, str(spec.origin), spec.parent)

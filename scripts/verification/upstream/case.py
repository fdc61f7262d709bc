"""What a case is: steps, each of which runs a script of GluonCV or checks what scripts have left."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict

DATA_SETS = Path("home", ".mxnet", "datasets")  # where scripts look for them, below a home folder

Findings = Dict[str, str]  # what a check has found, by the column of the table it belongs to


class CheckError(Exception):
    """A step that did not go as it should, in a few words."""


class CannotRunError(Exception):
    """What a script dies of without DO-Conv, too."""


@dataclass(frozen=True)
class Place:
    """Where a case takes place.

    ``checkout`` is GluonCV's, ``shared`` has data sets and pretrained weights, ``work`` is the case's own.
    """

    checkout: Path
    shared: Path
    work: Path

    def find(self, pattern: str) -> Path:
        """Return the first file of this pattern that an earlier step has left."""
        found = sorted(self.work.glob(pattern))
        if not found:
            raise CheckError(f"no {pattern} was written")
        return found[0]

    def script(self, path: str) -> str:
        """Return the path of a script: of the checkout, or an absolute one."""
        return str(self.checkout / "scripts" / path)

    def fill(self, text: str) -> list[str]:
        """Return the words of a command line: ``{data}`` and ``@PATTERN`` become paths."""
        return [self._filled(word) for word in text.split()]

    def _filled(self, word: str) -> str:
        if word.startswith("@"):
            return str(self.find(word[1:]))
        return word.replace("{data}", str(self.shared / DATA_SETS))


Step = Callable[[Place], Findings]


@dataclass(frozen=True)
class Case:
    """One way of using GluonCV's scripts.

    ``needs`` are scripts of the checkout and names of its model zoo; ``missing`` says what else is missing.
    """

    name: str
    steps: tuple[Step, ...]
    needs: tuple[str, ...] = ()
    missing: Callable[[], str] = field(default=lambda: "")

    @property
    def folder(self) -> str:
        """A name for its folder."""
        return re.sub(r"\W+", "-", self.name)


@dataclass(frozen=True)
class Outcome:
    """What became of a case: what its checks found, why it failed, or why it was not run."""

    case: str
    findings: Findings = field(default_factory=dict)
    failure: str = ""
    skipped: str = ""

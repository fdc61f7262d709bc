"""Outcomes kept in a folder, so that several runs, each of some cases, make one table."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Iterable

from .case import Outcome

FILE = "outcomes.json"


class Record:
    """The outcomes in a folder; each is written as soon as it is added."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def add(self, outcome: Outcome) -> None:
        """Keep it, in place of a former one of the same case."""
        outcomes = {**self._read(), outcome.case: outcome}
        self._path.write_text(json.dumps([asdict(one) for one in outcomes.values()], indent=1) + "\n")

    def of(self, cases: Iterable[str]) -> list[Outcome]:
        """The outcomes of these cases, in their order, as far as there are any."""
        outcomes = self._read()
        return [outcomes[case] for case in cases if case in outcomes]

    def _read(self) -> dict[str, Outcome]:
        kept = json.loads(self._path.read_text()) if self._path.exists() else []
        return {one["case"]: Outcome(**one) for one in kept}

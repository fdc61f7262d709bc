"""What became of tests, in JSON lines; of two lines about a test, the later one holds.

A test that was begun, and of which nothing more is said, was interrupted: nothing is known of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

TOO_LONG = "no end in time"
BEGUN = "begun"


@dataclass(frozen=True)
class Record:
    """What became of a test: ``passed``, ``failed`` or ``skipped``; or it was ``begun``."""

    test: str
    outcome: str
    seconds: float = 0.0
    why: str = ""

    @property
    def too_long(self) -> bool:
        """Whether it was ended, after ``seconds``, because it took too long."""
        return self.why == TOO_LONG


def append(file: Path, record: Record) -> None:
    """Add a line, at once."""
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(record)) + "\n")


def read(file: Path) -> list[Record]:
    """The last word on each test that ended, in the order in which they began."""
    return [record for record in _last(file) if record.outcome != BEGUN]


def begun(file: Path) -> list[str]:
    """The tests that have not ended."""
    return [record.test for record in _last(file) if record.outcome == BEGUN]


def count(file: Path) -> int:
    """The number of lines."""
    return len(_lines(file))


def _last(file: Path) -> list[Record]:
    records = [Record(**json.loads(line)) for line in _lines(file)]
    return list({record.test: record for record in records}.values())


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []

"""What became of tests, in JSON lines; of two lines about a test, the later one holds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

TOO_LONG = "no end in time"


@dataclass(frozen=True)
class Record:
    """What became of a test: ``passed``, ``failed`` or ``skipped``."""

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
    """The last word on each test, in the order in which they began."""
    lines = file.read_text().splitlines() if file.exists() else []
    records = [Record(**json.loads(line)) for line in lines]
    return list({record.test: record for record in records}.values())


def count(file: Path) -> int:
    """The number of lines."""
    return len(file.read_text().splitlines()) if file.exists() else 0

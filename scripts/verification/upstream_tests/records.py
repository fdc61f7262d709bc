"""What became of tests.

A test that was begun, and of which nothing more is said, was interrupted: nothing is known of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..records import Records

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


class Results(Records[Record]):
    """The records of a run of tests."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Record)

    def ended(self) -> list[Record]:
        """Return what became of the tests that ended, in the order in which they began."""
        return [record for record in self.read().values() if record.outcome != BEGUN]

    def interrupted(self) -> list[str]:
        """Return the tests that began, but did not end."""
        return [test for test, record in self.read().items() if record.outcome == BEGUN]

"""What a run finds out, written at once, so that a run that was interrupted goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Generic, TypeVar

Record = TypeVar("Record")


class Records(Generic[Record]):
    """A file of JSON lines, each a dataclass of type ``kind``, whose first field says what it is about.

    Of several about the same, the last one holds.
    """

    def __init__(self, path: Path, kind: Callable[..., Record]) -> None:
        self.path = path
        self._kind = kind

    def add(self, record: Record) -> None:
        """Append a line."""
        with self.path.open("a") as file:
            file.write(json.dumps(vars(record)) + "\n")

    def read(self) -> dict[str, Record]:
        """Return what holds, by what it is about, in the order of its first mention."""
        records = [self._kind(**json.loads(line)) for line in self._lines()]
        return {next(iter(vars(record).values())): record for record in records}

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self._lines())

    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

"""What a page says of a run."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from ...disk.reading import read_bytes


@dataclass(frozen=True)
class Picture:
    """A PNG; ``alt`` says in words what is on it."""

    png: bytes
    caption: str
    alt: str

    @property
    def uri(self) -> str:
        """The picture itself as an address."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Grid:
    """A table; the first cell of each row is its header."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Run:
    """One run, or what one run says of one table.

    Parameters
    ----------
    title, folder : what was trained, and where it is written
    text : the results in words and tables, as Markdown
    figures, kernels : curves and the like; of D
    numbers : what the results were made from
    settings : of the trainings
    versions : of what computed the results, by name
    """

    title: str
    folder: Path
    text: str
    figures: Sequence[Picture]
    kernels: Sequence[Picture]
    numbers: Sequence[Grid]
    settings: Sequence[Grid]
    versions: Mapping[str, str]

    @property
    def smoke(self) -> bool:
        """Whether its figures mean nothing."""
        return SMOKE in self.text


SMOKE = "SMOKE RUN"  # so begins the note of every output of such a run


def saved_picture(path: Path, caption: str, alt: str) -> list[Picture]:
    """Read the picture of a file, or none where there is no such file."""
    return [Picture(read_bytes(path), caption, alt)] if path.is_file() else []


def named(caption: str, values: Mapping[str, Any]) -> Grid:
    """List names and values; of mappings within, the names follow each other."""
    return Grid(caption, ("setting", "value"), list(_flat(values)))


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        words = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{words}: ")
        else:
            separator = " " if name == "arguments" else ", "
            yield words, separator.join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)

"""Tables of the pages in ``docs/results``."""

from __future__ import annotations

from typing import Iterable, Sequence

from tabulate import tabulate


def markdown(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """Write a Markdown table; a bar within a cell, which would end it, becomes a slash."""
    cells = [[str(cell).replace("|", "/") for cell in row] for row in rows]
    return tabulate(cells, headers=headers, tablefmt="github", disable_numparse=True)

"""The pages in ``docs/results``: what people have written, and below it the results, which a command writes."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Sequence

from tabulate import tabulate

MARK = "<!-- The results below are written by a command. -->\n"


def markdown(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """Return a Markdown table; a bar within a cell, which would end it, becomes a slash."""
    cells = [[str(cell).replace("|", "/") for cell in row] for row in rows]
    return tabulate(cells, headers=headers, tablefmt="github", disable_numparse=True)


def read_results(page: Path) -> str:
    """Return the results in a page; nothing where there is no page."""
    return _parts(page)[1]


def write_results(page: Path, results: str) -> None:
    """Put results into a page in place of the former ones; the prose above them stays."""
    prose, _ = _parts(page)
    page.write_text(f"{prose}{MARK}\n{results}\n")


def _parts(page: Path) -> tuple[str, str]:
    prose, _, results = page.read_text().partition(MARK) if page.exists() else ("", "", "")
    return prose, results.strip()

"""Tables as Markdown and CSV in the paper's layout, the paper's figures beside ours."""

from __future__ import annotations

import csv
import io
from typing import Sequence

from tabulate import tabulate

from ..records import Record
from .statistics import CONFIDENCE, Estimate, estimate
from .tables import Cell, Table

FIGURES = ("paper", "ours, mean", "standard error", "95% from", "95% to", "n")
HOW = (
    "Ours: mean ± standard error over n seeds; on CIFAR and digits each is the mean of its last five epochs, "
    "or of all if there are fewer, elsewhere its last epoch. DO-Conv rows are differences, paired by seed, "
    f"with their {CONFIDENCE:.0%} confidence interval."
)


def markdown(table: Table, records: Sequence[Record]) -> str:
    """Write the table for reading: every row twice, the paper's figures and ours."""
    lines = []
    for row in table.rows:
        if any(cell and cell.paper is not None for cell in row.cells):
            lines.append([row.label, "paper", *(_paper(cell) for cell in row.cells)])
        if any(cell and cell.configuration for cell in row.cells):
            lines.append([row.label, "ours", *(_ours(cell, records) for cell in row.cells)])
    text = tabulate(lines, headers=["", "", *table.columns], tablefmt="github", disable_numparse=True)
    parts = [f"## {table.name}: {table.title}", table.note, text, HOW, _how_far(table, records)]
    return "\n\n".join(part for part in parts if part) + "\n"


def comma_separated(table: Table, records: Sequence[Record]) -> str:
    """Write the same as CSV: for every row of the table a line for each of the figures, then the notes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "figure", *table.columns])
    for row in table.rows:
        cells = [_figures(cell, records) if cell else {} for cell in row.cells]
        writer.writerows([row.label, name, *(cell.get(name, "") for cell in cells)] for name in FIGURES)
    writer.writerows(["note", text] for text in (table.note, HOW, _how_far(table, records)) if text)
    return out.getvalue()


def _figures(cell: Cell, records: Sequence[Record]) -> dict[str, object]:
    """The FIGURES of a cell that there are, by name."""
    figures: dict[str, object] = {"paper": cell.paper}
    found = cell.configuration and estimate(records, cell.configuration, cell.baseline, cell.metric)
    if cell.configuration:
        figures["n"] = found.n if found else 0
    if found:
        figures.update({"ours, mean": found.mean, "standard error": found.error})
        figures.update(zip(FIGURES[3:5], found.interval or ()))
    return {name: value for name, value in figures.items() if value is not None}


def _paper(cell: Cell | None) -> str:
    if cell is None or cell.paper is None:
        return ""
    return f"{cell.paper:+.2f}" if cell.baseline else f"{cell.paper:.2f}"


def _ours(cell: Cell | None, records: Sequence[Record]) -> str:
    if cell is None or cell.configuration is None:
        return ""
    found = estimate(records, cell.configuration, cell.baseline, cell.metric)
    if found is None:
        finished = estimate(records, cell.configuration, cell.baseline) is not None
        return "no object of this size" if finished else "not yet"
    return _with_error(found, difference=cell.baseline is not None)


def _with_error(found: Estimate, difference: bool) -> str:
    mean = f"{found.mean:+.2f}" if difference else f"{found.mean:.2f}"
    if found.error is None or found.interval is None:
        return f"{mean} (n=1: no standard error)"
    text = f"{mean} ± {found.error:.2f} (n={found.n})"
    low, high = found.interval
    return f"{text} [{low:+.2f}, {high:+.2f}]" if difference else text


def _how_far(table: Table, records: Sequence[Record]) -> str:
    wanted = table.configurations()
    finished = [record for record in records if record.finished and record.configuration in wanted]
    counts = [sum(record.configuration == one for record in finished) for one in wanted]
    fewest, most = min(counts), max(counts)
    seeds = f"{most}" if fewest == most else f"between {fewest} and {most}"
    return f"{len(finished)} trainings are finished: {seeds} seeds of each."

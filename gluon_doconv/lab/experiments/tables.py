"""Tables in the paper's layout: for every cell the paper's figure, and the training that gives ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterable, Mapping, Sequence

from ..configuration import Configuration, Variant


@dataclass(frozen=True)
class Cell:
    """A figure of the paper, in percent, and the training that gives ours; a difference names its baseline.

    Without a ``configuration`` there is the paper's figure alone. ``metric`` is a name of those of an epoch,
    or empty for the accuracy.
    """

    paper: float | None
    configuration: Configuration | None
    baseline: Configuration | None = None
    metric: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its label, and a cell or nothing for every column."""

    label: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Table:
    """A table in the paper's layout; ``note`` is what every output of it says."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""

    def configurations(self) -> list[Configuration]:
        """List every training of the table once, in its order, each after the one that it starts from."""
        cells = [cell for row in self.rows for cell in row.cells if cell]
        wanted = [c for cell in cells for c in (cell.baseline, cell.configuration) if c]
        return list(dict.fromkeys(one for c in wanted for one in (c.backbone, c) if one))

    def with_configurations(self, change: Callable[[Configuration], Configuration], note: str) -> Table:
        """Change the trainings of the table; the paper's figures stay."""

        def changed(cell: Cell | None) -> Cell | None:
            if cell is None or cell.configuration is None:
                return cell
            baseline = cell.baseline and change(cell.baseline)
            return replace(cell, configuration=change(cell.configuration), baseline=baseline)

        rows = tuple(Row(row.label, tuple(map(changed, row.cells))) for row in self.rows)
        return replace(self, rows=rows, note=note)


def compared(
    baselines: Iterable[tuple[Configuration, float, float]], doconv: Variant, label: str
) -> tuple[Row, Row]:
    """Lay out two rows: baselines, each with the paper's figure, and the differences that DO-Conv makes."""
    listed = list(baselines)
    return (
        Row(f"{label}Baseline", tuple(Cell(paper, base) for base, paper, _ in listed)),
        Row(
            f"{label}DO-Conv",
            tuple(Cell(gain, replace(base, variant=doconv), base) for base, _, gain in listed),
        ),
    )


def ablation(
    baselines: Sequence[tuple[Configuration, float]],
    rows: Mapping[str, Sequence[tuple[Variant, float] | None]],
) -> tuple[Row, ...]:
    """Lay out a row of baselines, then for every label and column the difference that a variant makes."""

    def cell(base: Configuration, asked: tuple[Variant, float] | None) -> Cell | None:
        return None if asked is None else Cell(asked[1], replace(base, variant=asked[0]), base)

    bases = [base for base, _ in baselines]
    first = Row("Baseline", tuple(Cell(paper, base) for base, paper in baselines))
    return (first, *(Row(label, tuple(map(cell, bases, asked))) for label, asked in rows.items()))

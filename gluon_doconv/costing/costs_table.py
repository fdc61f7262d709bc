"""What :func:`~gluon_doconv.costs` returns: a table of both compositions, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from tabulate import tabulate

from ..core.macc import Macc, Memory

COMPOSITIONS = ("plain", "kernel", "feature")


@dataclass(frozen=True)
class LayerCost:
    """One DO-Conv layer, or one other operator with inner products, which costs the same in any composition.

    ``formula`` is the paper's (section 3); ``counted`` are the operators of the three graphs, None where a
    graph does not exist: inside a SymbolBlock only kernel composition does. ``memory`` is None for a layer
    that is not DO-Conv.
    """

    name: str
    kind: str
    formula: Macc
    counted: Mapping[str, int | None]
    memory: Memory | None = None

    @property
    def disagreements(self) -> list[str]:
        """List where the formula and the count are not the same number."""
        return [
            f"{self.name}, {composition}: formula {getattr(self.formula, composition):,}, counted {counted:,}"
            for composition, counted in self.counted.items()
            if counted is not None and counted != getattr(self.formula, composition)
        ]


@dataclass(frozen=True)
class Costs:
    """Both compositions of a network, for one batch of ``input_shape``. Print it.

    ``uncounted`` names the nodes of each operator that cannot be counted (:func:`~gluon_doconv.register_macc`
    says how); ``without`` are operators that have no MACC by definition, with their number.
    """

    input_shape: tuple[int, ...]
    layers: Sequence[LayerCost]
    uncounted: Mapping[str, Sequence[str]]
    without: Mapping[str, int]

    @property
    def total(self) -> LayerCost:
        """Add up the whole network."""
        sums = {name: sum(getattr(layer.formula, name) for layer in self.layers) for name in COMPOSITIONS}
        memories = [layer.memory for layer in self.layers if layer.memory]
        counted = {name: total_of(layer.counted[name] for layer in self.layers) for name in COMPOSITIONS}
        kept = Memory(sum(m.kernel for m in memories), sum(m.feature for m in memories))
        return LayerCost("whole network", "", Macc(**sums), counted, kept)

    @property
    def disagreements(self) -> list[str]:
        """List where a formula and a count are not the same number."""
        return [line for layer in self.layers for line in layer.disagreements]

    def __str__(self) -> str:
        headers = ["layer", "kind", "MACC plain", "kernel comp.", "feature comp.", "fewer MACCs"]
        headers += ["W′ (numbers)", "P′ (numbers)", "less memory"]
        table = tabulate([_row(layer) for layer in (*self.layers, self.total)], headers, disable_numparse=True)
        return "\n".join([table, *self._remarks()])

    def _remarks(self) -> list[str]:
        kept = self.total.memory or Memory(0, 0)
        lines = [
            f"For one batch of {self.input_shape}, for which a kernel is composed once. In float32 all W′ are "
            f"{_mebibytes(kept.kernel)} and all P′, which training keeps, {_mebibytes(kept.feature)}."
        ]
        agreement = self.disagreements or [f"in all {len(self.layers)} layers the formulas are these counts"]
        lines.append("Counted in the graphs, operator by operator: " + "; ".join(agreement) + ".")
        if None in self.total.counted.values():
            lines.append("Inside a SymbolBlock features are not composed: there the formula stands alone.")
        without = ", ".join(f"{op} ×{number}" for op, number in sorted(self.without.items()))
        lines.append(f"No MACC by definition (no inner product): {without or 'no operator'}.")
        for op, nodes in sorted(self.uncounted.items()):
            lines.append(
                f"NOT COUNTED: {op} ×{len(nodes)} ({', '.join(nodes)}): the whole costs more than this. "
                "Say how it is counted with gluon_doconv.register_macc."
            )
        return lines


def total_of(numbers: Iterable[int | None]) -> int | None:
    """Add up; None where one of them is."""
    listed = list(numbers)
    return None if None in listed else sum(listed)  # type: ignore[arg-type]


def _row(layer: LayerCost) -> list[str]:
    formula, kept = layer.formula, layer.memory
    row = [layer.name, layer.kind, *(f"{getattr(formula, name):,}" for name in COMPOSITIONS)]
    if kept is None:
        return row
    fewer, less = _cheaper(formula.kernel, formula.feature), _cheaper(kept.kernel, kept.feature)
    return [*row, fewer, f"{kept.kernel:,}", f"{kept.feature:,}", less]


def _mebibytes(numbers: int) -> str:
    return f"{numbers * 4 / 2**20:,.2f} MiB"


def _cheaper(kernel: int, feature: int) -> str:
    """Which of two numbers is the smaller, and the other's ratio to it."""
    if kernel == feature:
        return "equal"
    name = "kernel" if kernel < feature else "feature"
    return f"{name}, {max(kernel, feature) / min(kernel, feature):.2f}×"

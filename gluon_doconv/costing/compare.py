"""What both compositions of a DO-Conv network cost: the paper's formulas, held against counts of its graphs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Iterable, Mapping, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock
from tabulate import tabulate

from ..core import names
from ..core.convert import composing, doconv_convolutions, require_doconv
from ..core.convolutions import Convolution, GraphConvolution, find_convolutions
from ..core.graph import Graph, trace
from ..core.kernel import Geometry
from ..core.macc import Macc, Memory, macc, memory
from ..errors import DOConvError
from .counting import WITHOUT_MACC, Operation, count

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
        """Where the formula and the count are not the same number."""
        return [
            f"{self.name}, {composition}: formula {getattr(self.formula, composition):,}, counted {counted:,}"
            for composition, counted in self.counted.items()
            if counted is not None and counted != getattr(self.formula, composition)
        ]


@dataclass(frozen=True)
class Costs:
    """Both compositions of a network, for one batch of ``input_shape``. Print it.

    ``uncounted`` names the nodes of each operator that :mod:`~gluon_doconv.costing.counting` has no count for;
    ``without`` are operators that have no MACC by definition, with their number.
    """

    input_shape: tuple[int, ...]
    layers: Sequence[LayerCost]
    uncounted: Mapping[str, Sequence[str]]
    without: Mapping[str, int]

    @property
    def total(self) -> LayerCost:
        """The whole network."""
        sums = {name: sum(getattr(layer.formula, name) for layer in self.layers) for name in COMPOSITIONS}
        memories = [layer.memory for layer in self.layers if layer.memory]
        counted = {name: _sum(layer.counted[name] for layer in self.layers) for name in COMPOSITIONS}
        kept = Memory(sum(m.kernel for m in memories), sum(m.feature for m in memories))
        return LayerCost("whole network", "", Macc(**sums), counted, kept)

    @property
    def disagreements(self) -> list[str]:
        """Where a formula and a count are not the same number."""
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
                f"NOT COUNTED: {op} ×{len(nodes)} ({', '.join(nodes)}): the whole costs more than this."
            )
        return lines


def costs(net: HybridBlock, input_shape: Sequence[int]) -> Costs:
    """Count a DO-Conv network by both compositions and by the plain network it folds into.

    Parameters
    ----------
    net : HybridBlock
        A DO-Conv network whose shapes are known (that has been run once); it is not changed.
    input_shape : sequence of int
        (N, C, H, W) of one batch, for which a kernel is composed once.

    Returns
    -------
    Costs
        The formulas of section 3 beside counts of the graphs' operators. Print it.

    Raises
    ------
    DOConvError
        If ``net`` has no DO-Conv layer, has not been run, or cannot be traced.

    Examples
    --------
    >>> layer = doconv.DOConv2D(8, 3, in_channels=4)
    >>> doconv.costs(layer, (1, 4, 16, 16)).total.formula
    Macc(plain=56448, kernel=59040, feature=119952)
    """
    require_doconv(net)
    unknown = [convolution.name for convolution in doconv_convolutions(net) if not convolution.in_channels]
    if unknown:
        raise DOConvError(f"{net.name}: the shapes of {unknown[0]} are not known; run one batch through it")
    operations = {name: _operations(net, name, input_shape) for name in COMPOSITIONS}
    return Costs(
        tuple(input_shape),
        _layers(find_convolutions(net), operations),
        _uncounted(operations),
        Counter(operation.op for operation in operations["plain"] if operation.op in WITHOUT_MACC),
    )


def _uncounted(operations: Mapping[str, Sequence[Operation]]) -> dict[str, list[str]]:
    """By operator, the nodes of any of the graphs that could not be counted."""
    nodes = {(o.op, o.node): None for listed in operations.values() for o in listed if o.maccs is None}
    return {op: [node for other, node in nodes if other == op] for op, _ in nodes}


def _operations(net: HybridBlock, composition: str, input_shape: Sequence[int]) -> list[Operation]:
    with composing(net, "feature" if composition == "feature" else "kernel"):
        symbol = trace(net, afresh=True)
    if composition == "plain":
        symbol = _folded(symbol)
    parameters = net.collect_params()
    known = {name: p.shape for name, p in parameters.items() if p.shape and 0 not in p.shape}
    if composition == "plain":
        weights = {
            convolution.weight.name for convolution in doconv_convolutions(net)
        }  # W' may be of another shape than W
        known = {name: shape for name, shape in known.items() if name not in weights}
    inputs = [name for name in symbol.list_inputs() if name not in parameters]
    return count(symbol, **{**known, **dict.fromkeys(inputs, tuple(input_shape))})


def _folded(symbol: mx.sym.Symbol) -> mx.sym.Symbol:
    graph = Graph(symbol)
    for convolution in graph.convolutions():
        if convolution.d:
            graph.fold(convolution)
    return graph.symbol()


def _layers(
    convolutions: Sequence[Convolution], operations: Mapping[str, Sequence[Operation]]
) -> list[LayerCost]:
    """One line for each kernel, in the order in which the plain network runs; layers may share a kernel."""
    owners = {convolution.weight.name: convolution for convolution in reversed(convolutions)}
    ds = {
        convolution.d.name: convolution.weight.name for convolution in convolutions if convolution.d is not None
    }
    by_kernel = {name: _by_kernel(listed, ds) for name, listed in operations.items()}
    lines = []
    for key, uses in by_kernel["plain"].items():
        convolution = owners.get(key)
        counted = {name: _sum(o.maccs for o in by_kernel[name].get(key, ())) for name in COMPOSITIONS}
        if convolution is None or convolution.d is None:
            lines.append(_other(convolution.name if convolution else names.layer_of(key), uses, counted))
        else:
            lines.append(_doconv(convolution, uses, counted))
    return lines


def _by_kernel(operations: Sequence[Operation], ds: Mapping[str, str]) -> dict[str, list[Operation]]:
    """Operators with inner products by the weight their kernel comes from, or by their own name."""
    found: dict[str, list[Operation]] = {}
    for operation in (o for o in operations if o.maccs):
        weights = {ds.get(name, name) for name in operation.variables}
        key = weights.pop() if len(weights) == 1 else operation.node
        found.setdefault(key, []).append(operation)
    return found


def _doconv(convolution: Convolution, uses: Sequence[Operation], counted: dict[str, int | None]) -> LayerCost:
    """The formulas are for one use of a layer; every use of it composes anew, but in a SymbolBlock."""
    geometry = Geometry(convolution.channels, convolution.kernel_size, convolution.groups, convolution.d_mul)
    positions = [use.output[0] * prod(use.output[2:]) for use in uses]
    inside = isinstance(convolution, GraphConvolution)
    formulas = [macc(geometry, convolution.in_channels, p) for p in ([sum(positions)] if inside else positions)]
    kept = [memory(geometry, convolution.in_channels, p) for p in positions]
    if inside:
        counted["feature"] = None
    return LayerCost(
        convolution.name,
        convolution.kind,
        Macc(**{name: sum(getattr(formula, name) for formula in formulas) for name in COMPOSITIONS}),
        counted,
        Memory(kept[0].kernel if inside else sum(m.kernel for m in kept), sum(m.feature for m in kept)),
    )


def _other(name: str, uses: Sequence[Operation], counted: dict[str, int | None]) -> LayerCost:
    total = sum(use.maccs or 0 for use in uses)
    return LayerCost(name, uses[0].op, Macc(total, total, total), counted)


def _sum(numbers: Iterable[int | None]) -> int | None:
    """None where one of them is."""
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

"""What both compositions of a DO-Conv network cost: the paper's formulas, held against counts of its graphs."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Mapping, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..core import names
from ..core.arguments import a_network, a_shape, takes
from ..core.convert import composing, doconv_convolutions, require_doconv
from ..core.convolutions import Convolution, GraphConvolution, find_convolutions
from ..core.graph import Graph
from ..core.kernel import Geometry
from ..core.macc import Macc, Memory, macc, memory
from ..core.tracing import trace
from ..errors import DOConvError
from .costs_table import COMPOSITIONS, Costs, LayerCost, total_of
from .counting import Operation, count
from .without_macc import WITHOUT_MACC


@takes(net=a_network, input_shape=a_shape)
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
        Counter(o.op for o in operations["plain"] if o.op in WITHOUT_MACC and not o.maccs),
    )


def _uncounted(operations: Mapping[str, Sequence[Operation]]) -> dict[str, list[str]]:
    """List, by operator, the nodes of any of the graphs that could not be counted."""
    nodes = {(o.op, o.node): None for listed in operations.values() for o in listed if o.maccs is None}
    return {op: [node for other, node in nodes if other == op] for op, _ in nodes}


def _operations(net: HybridBlock, composition: str, input_shape: Sequence[int]) -> list[Operation]:
    with composing(net, "feature" if composition == "feature" else "kernel"):
        symbol = trace(net, afresh=True)
    if composition == "plain":
        symbol = _folded(symbol)
    parameters = net.collect_params()
    known = {name: p.shape for name, p in parameters.items() if p.shape and 0 not in p.shape}
    if composition == "plain":  # W' may be of another shape than W
        weights = {convolution.weight.name for convolution in doconv_convolutions(net)}
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
    """Make one line of each kernel, in the order in which the plain network runs; layers may share a kernel."""
    owners = {convolution.weight.name: convolution for convolution in reversed(convolutions)}
    ds = {
        convolution.d.name: convolution.weight.name for convolution in convolutions if convolution.d is not None
    }
    by_kernel = {name: _by_kernel(listed, ds) for name, listed in operations.items()}
    lines = []
    for key, uses in by_kernel["plain"].items():
        convolution = owners.get(key)
        counted = {name: total_of(o.maccs for o in by_kernel[name].get(key, ())) for name in COMPOSITIONS}
        if convolution is None or convolution.d is None:
            lines.append(_other(convolution.name if convolution else names.layer_of(key), uses, counted))
        else:
            lines.append(_doconv(convolution, uses, counted))
    return lines


def _by_kernel(operations: Sequence[Operation], ds: Mapping[str, str]) -> dict[str, list[Operation]]:
    """Group operators with inner products by the weight their kernel comes from, or by their own name."""
    found: dict[str, list[Operation]] = {}
    for operation in (o for o in operations if o.maccs):
        weights = {ds.get(name, name) for name in operation.variables}
        key = weights.pop() if len(weights) == 1 else operation.node
        found.setdefault(key, []).append(operation)
    return found


def _doconv(convolution: Convolution, uses: Sequence[Operation], counted: dict[str, int | None]) -> LayerCost:
    """Apply the formulas, which are for one use of a layer: each use composes anew, but in a SymbolBlock."""
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

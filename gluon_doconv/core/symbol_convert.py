"""A symbol, as the Module API trains it: find and over-parameterize its convolutions, without any Gluon block.

A weight and its D are two variables here. What a Module's optimizer is to know of D, and how D starts, stands
in the attributes of its variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Mapping, Sequence

import mxnet as mx
import numpy as np

from ..errors import DOConvError
from . import kernel, names
from .config import DOConvConfig
from .convert import ALREADY
from .graph import ConvolutionNode, Graph
from .initializers import INITIALIZERS
from .report import LayerReport, Report
from .selection import reasons
from .symbol_params import Arrays, with_missing_ds

SINGLE = np.dtype("float32")  # of a weight, where neither the symbol nor its arrays say otherwise
LAYOUTS = (None, "NCW", "NCHW", "NCDHW")
ITS_OWN = ("__init__", "__shape__", "__wd_mult__")  # the attributes that D does not take over from its weight


@dataclass(frozen=True)
class SymbolConvolution:
    """The convolutions of one weight, which are chosen, over-parameterized and folded together.

    Parameters
    ----------
    node : the first of them
    obstacle : why DO-Conv does not apply; None if it does
    weight : the values of the weight, where they are known
    dtype : of the weight, as far as it is known
    """

    node: ConvolutionNode
    obstacle: str | None = None
    weight: mx.nd.NDArray | None = None
    dtype: np.dtype[Any] = SINGLE

    @property
    def name(self) -> str:
        """What the names of its arrays begin with."""
        return self.node.layer

    @property
    def prefix(self) -> str:
        """The name of its node."""
        return self.node.node

    def check(self, config: DOConvConfig) -> None:
        """Raise :class:`DOConvError` if ``config`` cannot be carried out here."""
        if self.node.layout not in LAYOUTS:
            raise DOConvError(f"{self.name}: layout {self.node.layout!r} is not supported")
        if config.composition == "feature":
            raise DOConvError(f"{self.name}: in a symbol only composition='kernel' is possible")
        if self.weight is None:
            return
        node = self.node
        if (self.weight.shape[0], *self.weight.shape[2:]) != (node.channels, *node.kernel_size):
            raise DOConvError(
                f"{node.weight} of shape {self.weight.shape} is not the kernel of {self.prefix}, which has "
                f"{node.channels} output channels and kernels of {node.kernel_size}"
            )
        if (config.d_mul or prod(node.kernel_size)) < prod(node.kernel_size):
            raise DOConvError(
                f"{node.weight}: d_mul={config.d_mul} is below M·N={prod(node.kernel_size)}: the trained "
                "kernel does not fit into so small a W. Choose one of at least M·N, or give no parameters."
            )

    def report(self, skipped: str | None) -> LayerReport:
        """Say what became of it."""
        in_channels = 0 if self.weight is None else self.weight.shape[1] * self.node.groups
        kind = kernel.kind(self.node.groups, in_channels or self.node.channels)
        return LayerReport(self.name, kind, self.node.kernel_size, skipped)


def over_parameterize_graph(
    symbol: mx.sym.Symbol, arrays: Arrays | None, config: DOConvConfig
) -> tuple[mx.sym.Symbol, dict[str, mx.nd.NDArray] | None, Report]:
    """Give the chosen convolutions of a symbol their D; ``symbol`` and ``arrays`` themselves stay as they are.

    Parameters
    ----------
    symbol : a graph
    arrays : values of some or all of its arguments by name; None if there are none yet
    config : which convolutions, and how

    Returns
    -------
    The symbol, the arrays with every D whose weight is among them, and what was done.

    Raises
    ------
    DOConvError
        If nothing is matched, or if a convolution cannot be over-parameterized.
    """
    graph = Graph(symbol)
    convolutions = find_symbol_convolutions(symbol, graph, arrays or {})
    plan = [
        (convolution, reason or (ALREADY if convolution.node.d else None))
        for convolution, reason in zip(convolutions, reasons(config, convolutions))
    ]
    chosen = [convolution for convolution, reason in plan if reason is None]
    for convolution in chosen:
        convolution.check(config)
    changed = _composed(symbol, graph, [(convolution, config) for convolution in chosen])
    completed = None if arrays is None else with_missing_ds(changed, arrays, config.d_initializer)
    return changed, completed, Report("over-parameterized", [one.report(reason) for one, reason in plan])


def over_parameterize_as(symbol: mx.sym.Symbol, arrays: Arrays) -> mx.sym.Symbol:
    """Give the plain convolutions of a symbol the D that ``arrays`` hold for them."""
    graph = Graph(symbol)
    plain = [one for one in find_symbol_convolutions(symbol, graph) if not one.obstacle and one.node.d is None]
    ds = ((convolution, arrays.get(names.d_of(convolution.node.weight))) for convolution in plain)
    return _composed(symbol, graph, [(one, DOConvConfig(d_mul=d.shape[-2])) for one, d in ds if d is not None])


def _composed(
    symbol: mx.sym.Symbol, graph: Graph, plan: Sequence[tuple[SymbolConvolution, DOConvConfig]]
) -> mx.sym.Symbol:
    attributes = symbol.attr_dict()
    for one, config in plan:
        d = _variable(one.node, attributes.get(one.node.weight, {}), config)
        graph.over_parameterize(one.node, d, one.node.geometry(config.d_mul), one.dtype)
    return graph.symbol() if plan else symbol


def find_symbol_convolutions(
    symbol: mx.sym.Symbol, graph: Graph, arrays: Arrays | None = None
) -> list[SymbolConvolution]:
    """Find the convolutions of ``graph``, which is that of ``symbol``; those that share a weight are one."""
    arrays = arrays or {}
    arguments = symbol.list_arguments()
    dtypes = _dtypes(symbol, arguments)
    dtypes.update({name: np.dtype(array.dtype) for name, array in arrays.items()})
    first_of_weight: dict[str, ConvolutionNode] = {}
    for node in graph.convolutions():
        first_of_weight.setdefault(node.weight, node)
    return [
        SymbolConvolution(node, _obstacle(node, graph), arrays.get(weight), dtypes.get(weight, SINGLE))
        for weight, node in first_of_weight.items()
    ]


def _dtypes(symbol: mx.sym.Symbol, arguments: list[str]) -> dict[str, np.dtype[Any]]:
    """The dtypes of arguments as far as the graph tells, its first input in single precision if need be."""
    for given in ({}, dict.fromkeys(arguments[:1], SINGLE)):
        try:
            inferred = symbol.infer_type_partial(**given)[0] or ()
        except mx.MXNetError:  # some operators, such as Dropout, have to know the dtype of their input
            continue
        return {name: np.dtype(dtype) for name, dtype in zip(arguments, inferred) if dtype is not None}
    return {}


def _obstacle(node: ConvolutionNode, graph: Graph) -> str | None:
    if not names.is_weight(node.weight):
        return f"its kernel is called {node.weight}, not …_weight"
    return graph.obstacle(node)


def _variable(node: ConvolutionNode, weight: Mapping[str, str], config: DOConvConfig) -> mx.sym.Symbol:
    """The variable D, with the attributes of its weight: D is trained where that is, and as that is.

    A Module decays what is called ``…_weight`` and nothing else that does not ask for it.
    """
    decay = float(weight.get("__wd_mult__", node.weight.endswith("_weight")))
    unknown = -1  # 0 would be unknown to one of the shape semantics only
    return mx.sym.var(
        names.d_of(node.weight),
        attr={name: value for name, value in weight.items() if name.startswith("__") and name not in ITS_OWN},
        shape=node.geometry(config.d_mul).d_shape(unknown),
        init=INITIALIZERS[config.d_initializer],
        wd_mult=decay * config.d_wd_mult,
    )

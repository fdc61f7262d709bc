"""Symbolic graphs, as in a ``-symbol.json`` file: find their convolutions, over-parameterize and fold them.

A graph is edited as the JSON that MXNet itself writes. Nodes are only ever added or pointed elsewhere; what
nothing points at any more disappears when MXNet reads the graph.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import prod
from typing import Any, List

import mxnet as mx
from mxnet.gluon import SymbolBlock

from ..errors import DOConvError
from . import names, operators
from .kernel import Geometry

CONVOLUTIONS = ("Convolution", "Convolution_v1")
DATA, WEIGHT = 0, 1  # the inputs of such a node
SHAPE_ONLY = "zeros_like"  # whatever goes into it, only its shape comes out
Entry = List[int]  # of MXNet's JSON: the number of a node, that of its output, a version


@dataclass(frozen=True)
class ConvolutionNode:
    """One node of the operators in :data:`CONVOLUTIONS`.

    ``weight`` and ``d`` name the variables its kernel is computed from; ``d`` is None for a plain one.
    """

    node: str
    weight: str
    d: str | None
    channels: int
    kernel_size: tuple[int, ...]
    groups: int
    layout: str | None

    @property
    def layer(self) -> str:
        """What the names of its variables begin with."""
        return names.layer_of(self.weight)

    def geometry(self, d_mul: int | None) -> Geometry:
        """What composition needs to know, for a depth multiplier (None means M·N)."""
        return Geometry(self.channels, self.kernel_size, self.groups, int(d_mul or prod(self.kernel_size)))


class Graph:
    """A symbol that can be rewritten; ``nodes`` are those of MXNet's JSON, inputs before what uses them.

    Parameters
    ----------
    symbol : a graph, which stays as it is
    remove_amp_cast : whether to leave out what AMP has put in, as MXNet does when it saves a graph
    """

    def __init__(self, symbol: mx.sym.Symbol, remove_amp_cast: bool = True) -> None:
        self._json = json.loads(symbol.tojson(remove_amp_cast))
        self.nodes = self._json["nodes"]

    def symbol(self) -> mx.sym.Symbol:
        """The graph as it now is."""
        return mx.sym.load_json(json.dumps(self._json, ensure_ascii=False))  # MXNet reads no \u escapes

    def convolutions(self) -> list[ConvolutionNode]:
        """Every convolution whose kernel is a variable, or is composed of two."""
        found = (self.described(node) for node in self.nodes if node["op"] in CONVOLUTIONS)
        return [convolution for convolution in found if convolution]

    def described(self, node: dict[str, Any]) -> ConvolutionNode | None:
        """What a convolution is; None where its kernel is neither a variable nor composed of two."""
        variables = self._kernel_variables(node)
        return _described(node, *variables) if variables else None

    def declared_shape(self, variable: str) -> tuple[int, ...]:
        """The shape that is noted at a variable; empty if there is none."""
        return _numbers(self.nodes[self._index(variable)].get("attrs", {}).get("__shape__", ""))

    def add(self, node: dict[str, Any]) -> Entry:
        """Add a node; return the entry of its first output."""
        self.nodes.append(node)
        return [len(self.nodes) - 1, 0, 0]

    @property
    def head(self) -> Entry:
        """The first of what the graph computes."""
        entry: Entry = self._json["heads"][0]
        return entry

    def fold(self, convolution: ConvolutionNode) -> None:
        """Point a DO-Conv convolution back at its ``weight``, which is to hold W' from now on."""
        nodes = self._of_weight(convolution.weight)
        weight = self._index(convolution.weight)
        self._set_shape(weight, convolution.kernel_size)
        for node in nodes:
            node["inputs"][WEIGHT] = [weight, 0, 0]

    def over_parameterize(
        self, convolution: ConvolutionNode, d: mx.sym.Symbol, geometry: Geometry, dtype: Any = "float32"
    ) -> None:
        """Compose the kernel of a plain convolution from its ``weight``, of ``dtype``, and ``d``."""
        nodes = self._of_weight(convolution.weight)
        index = self._index(convolution.weight)
        self._set_shape(index, geometry.weight_tail)
        x, weight = mx.sym.var("data of the convolution"), mx.sym.var(convolution.weight)
        with mx.name.Prefix(f"{convolution.node}_"):
            flat = operators.flattened(mx.sym, d, geometry)
            composed = operators.compose_inferring(dtype, mx.sym, x, weight, flat, geometry)
        known = {x.name: nodes[0]["inputs"][DATA], weight.name: [index, 0, 0]}
        kernel = self._splice(composed, known)
        for node in nodes:
            node["inputs"][WEIGHT] = kernel

    def obstacle(self, convolution: ConvolutionNode) -> str | None:
        """Why DO-Conv does not apply to a convolution; None if it does, or is applied already."""
        if prod(convolution.kernel_size) == 1:
            return "pointwise"
        if convolution.d is not None:
            return None
        d = names.d_of(convolution.weight)
        if any(node["op"] == "null" and node["name"] == d for node in self.nodes):
            return f"there is another variable {d}"
        others = self._other_users(convolution.weight)
        return f"its weight is read by {others[0]} too" if others else None

    def _other_users(self, weight: str) -> list[str]:
        """The names of what reads this variable otherwise than as the plain kernel of a convolution."""
        index = self._index(weight)
        readers = [
            node["name"]
            for node in self.nodes
            for place, source in enumerate(node["inputs"])
            if source[0] == index and not (place == WEIGHT and node["op"] in CONVOLUTIONS)
        ]
        return readers + ["the outputs" for head in self._json["heads"] if head[0] == index]

    def variables_behind(self, index: int) -> set[str]:
        """The names of the variables whose values the node at ``index`` is computed from."""
        found, seen, waiting = set(), set(), [index]
        while waiting:
            current = waiting.pop()
            node = self.nodes[current]
            if current in seen or node["op"] == SHAPE_ONLY:
                continue
            seen.add(current)
            if node["op"] == "null":
                found.add(node["name"])
            waiting += [source[0] for source in node["inputs"]]
        return found

    def _kernel_variables(self, node: dict[str, Any]) -> tuple[str, str | None] | None:
        """The names (weight, d) or (weight, None) behind a convolution's kernel; None for anything else."""
        kernel = node["inputs"][WEIGHT][0]
        behind = self.variables_behind(kernel)
        if len(behind) == 1 and self.nodes[kernel]["op"] == "null":
            return behind.pop(), None
        for d in behind:
            weight = names.weight_of(d, behind)
            if weight and behind == {weight, d}:
                return weight, d
        return None

    def _of_weight(self, weight: str) -> list[dict[str, Any]]:
        """The convolutions whose kernel is, or is composed from, this variable. Layers may share one."""
        convolutions = (node for node in self.nodes if node["op"] in CONVOLUTIONS)
        return [node for node in convolutions if (self._kernel_variables(node) or ("",))[0] == weight]

    def _index(self, variable: str) -> int:
        variables = ((i, node["name"]) for i, node in enumerate(self.nodes) if node["op"] == "null")
        return next(i for i, name in variables if name == variable)

    def _set_shape(self, variable: int, tail: tuple[int, ...]) -> None:
        attributes = self.nodes[variable].get("attrs", {})
        declared = _numbers(attributes.get("__shape__", ""))
        if declared:
            attributes["__shape__"] = str((*declared[:2], *tail))

    def _splice(self, symbol: mx.sym.Symbol, known: dict[str, Entry]) -> Entry:
        """Add the nodes of ``symbol``, whose variables named in ``known`` are entries of this graph already."""
        addition = json.loads(symbol.tojson())
        entries: list[Entry] = []
        for node in addition["nodes"]:
            if node["name"] in known:
                entries.append(known[node["name"]])
                continue
            node["inputs"] = [_at(entries[source[0]], source) for source in node["inputs"]]
            entries.append(self.add(node))
        head = addition["heads"][0]
        return _at(entries[head[0]], head)


class BlockGraph(Graph):
    """The graph of a SymbolBlock: read once, changed for any number of its convolutions, and put back once."""

    def __init__(self, block: SymbolBlock) -> None:
        super().__init__(block._cached_graph[1])
        self._block = block

    def put_back(self) -> None:
        """Have the SymbolBlock run the graph as it now is."""
        self._block._cached_graph = (self._block._cached_graph[0], self.symbol())


def _at(entry: Entry, source: Entry) -> Entry:
    """The output of a moved node that ``source`` spoke of; an entry that was known stands for one output."""
    return [entry[0], entry[1] or source[1], 0]


def _numbers(text: str) -> tuple[int, ...]:
    """Read a shape as MXNet reads it: ``(3, 3)``, ``[3, 3]``, ``3``, and Python 2's ``(3L, 3L)``."""
    return tuple(int(number) for number in re.findall(r"-?\d+", text))


def _described(node: dict[str, Any], weight: str, d: str | None) -> ConvolutionNode:
    attributes = node["attrs"]
    layout = attributes.get("layout", "None")
    channels, groups = int(attributes["num_filter"]), int(attributes.get("num_group", 1))
    kernel_size = _numbers(attributes["kernel"])
    if min(channels, groups, *kernel_size) < 1 or channels % groups:
        raise DOConvError(
            f"{node['name']} cannot be: {channels} output channels in {groups} groups, kernel {kernel_size}"
        )
    return ConvolutionNode(
        node=node["name"],
        weight=weight,
        d=d,
        channels=channels,
        kernel_size=kernel_size,
        groups=groups,
        layout=None if layout == "None" else layout,
    )

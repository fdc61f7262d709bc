"""A graph as a CPU runs it: its kernels composed by the operator of :mod:`gluon_doconv.native`.

Graphs are traced, shown and exported in MXNet's own operators; only what runs is rewritten. What the operator
stands in for is found by comparing nodes with those that :mod:`.operators` write: anything else stays as it is.
"""

from __future__ import annotations

from typing import Any

import mxnet as mx

from ..native.operator import NAME, TURN, attributes
from . import operators
from .graph import CONVOLUTIONS, WEIGHT, Entry, Graph
from .kernel import Geometry
from .semantics import classic

CASTS = ("Cast", "amp_cast")


def composed_natively(symbol: mx.sym.Symbol, adding: bool) -> mx.sym.Symbol | None:
    """Rewrite ``symbol``, which stays as it is, with the operator in place of all that composes kernels.

    Parameters
    ----------
    symbol : a graph
    adding : whether a gradient of W or D may have to be added to what is there. The operator only writes them;
        copies, which MXNet differentiates, then stand between it and the variables.

    Returns
    -------
    A graph with the same inputs in the same order; None if there is nothing to replace.
    """
    graph = _NativeGraph(symbol, adding)
    if not any([graph.replace(node) for node in graph.nodes if node["op"] in CONVOLUTIONS]):
        return None
    changed = graph.symbol() if type(symbol) is mx.sym.Symbol else graph.symbol().as_np_ndarray()
    return changed if changed.list_inputs() == symbol.list_inputs() else None


class _NativeGraph(Graph):
    def __init__(self, symbol: mx.sym.Symbol, adding: bool) -> None:
        super().__init__(symbol, remove_amp_cast=False)
        self._adding = adding
        self._known_patterns: dict[Geometry, list[Graph]] = {}
        self._turn = self.add({"op": "_zeros", "name": "turn", "attrs": {"shape": str(TURN)}, "inputs": []})

    def replace(self, convolution: dict[str, Any]) -> bool:
        """Compose the kernel of a convolution natively; say whether :mod:`.operators` had composed it."""
        described = self.described(convolution)
        if described is None or described.d is None:
            return False
        geometry = described.geometry(*self.declared_shape(described.d)[-2:-1] or (None,))
        user, place = self._behind_casts(convolution, WEIGHT)
        for pattern in self._patterns(geometry):
            leaves: dict[str, Entry] = {}
            if self._matches(user["inputs"][place], pattern, pattern.head, leaves):
                user["inputs"][place] = self._composed(f"{described.node}_kernel", geometry, leaves)
                return True
        return False

    def _behind_casts(self, user: dict[str, Any], place: int) -> tuple[dict[str, Any], int]:
        """Follow an input through casts: the node that has what is cast as its input, and the input's place."""
        source = self.nodes[user["inputs"][place][0]]
        return self._behind_casts(source, 0) if source["op"] in CASTS else (user, place)

    def _patterns(self, geometry: Geometry) -> list[Graph]:
        """What :mod:`.operators` now write for a geometry, where C_in is known and where it is not."""
        if geometry not in self._known_patterns:
            x, weight, d = (mx.sym.var(name) for name in ("x", "weight", "d"))
            with classic():
                known = operators.compose(mx.sym, weight, d, geometry)
                inferring = operators.compose_inferring("float32", mx.sym, x, weight, d, geometry)
            self._known_patterns[geometry] = [Graph(one, remove_amp_cast=False) for one in (inferring, known)]
        return self._known_patterns[geometry]

    def _matches(self, entry: Entry, pattern: Graph, expected: Entry, leaves: dict[str, Entry]) -> bool:
        """Whether ``entry`` is computed as a pattern has it; ``leaves`` learn what its variables stand for."""
        node, model = self.nodes[entry[0]], pattern.nodes[expected[0]]
        if model["op"] == "null":
            return leaves.setdefault(model["name"], entry) == entry
        sources = zip(node["inputs"], model["inputs"])
        return (
            (node["op"], entry[1], len(node["inputs"])) == (model["op"], expected[1], len(model["inputs"]))
            and _attributes(node) == _attributes(model)
            and all(self._matches(source, pattern, wanted, leaves) for source, wanted in sources)
        )

    def _composed(self, name: str, geometry: Geometry, leaves: dict[str, Entry]) -> Entry:
        inputs = [leaves["weight"], leaves["d"]]
        if self._adding:
            inputs = [
                self.add({"op": "_copy", "name": f"{name}_{number}", "inputs": [entry]})
                for number, entry in enumerate(inputs)
            ]
        node = {
            "op": NAME,
            "name": name,
            "attrs": attributes(geometry.kernel_size),
            "inputs": [*inputs, self._turn],
        }
        self._turn = self.add(node)
        return [self._turn[0], 1, 0]


def _attributes(node: dict[str, Any]) -> dict[str, str]:
    """What an operator computes by; what begins with ``__`` others have noted."""
    return {name: value for name, value in node.get("attrs", {}).items() if not name.startswith("__")}

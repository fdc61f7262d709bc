"""The kernels of a plain network, found with no code of gluon_doconv."""

from __future__ import annotations

import json
import re
from collections import Counter
from math import prod
from typing import Any, Sequence

import mxnet as mx
from mxnet.gluon import Block, SymbolBlock

from .networks import flat, initialize, predict

# A deformable layer predicts where to sample with a convolution of its own, which is part of it.
OFFSETS = "offset_weight"


def find_kernels(net: Block, x: Sequence[mx.nd.NDArray]) -> tuple[set[str], str]:
    """Return names of the distinct non-pointwise kernels of a plain network, and a remark."""
    try:
        graph = trace(net, len(x))
    except Exception:
        kernels = kernels_called(initialize(net), x)
        remark = "cannot be traced: counted as convolutions are called"
    else:
        kernels, remark = kernels_of_graph(graph), _other_kernels(graph)
    return {kernel for kernel in kernels if not kernel.endswith(OFFSETS)}, remark


def trace(net: Block, inputs: int) -> list[dict]:
    """Return the nodes of a network's graph."""
    with mx.name.NameManager():
        outputs = net(*(mx.sym.var(f"data{i}") for i in range(inputs)))
    return json.loads(mx.sym.Group(flat(outputs)).tojson())["nodes"]


def kernels_of_graph(nodes: Sequence[dict]) -> set[str]:
    """Return names of the variables that convolutions of more than one position take their kernels from."""
    convolutions = [node for node in nodes if node["op"] == "Convolution"]
    spatial = [node for node in convolutions if _positions(node["attrs"]["kernel"]) > 1]
    sources = [nodes[node["inputs"][1][0]] for node in spatial]
    return {source["name"] for source in sources if source["op"] == "null"}


def _other_kernels(nodes: Sequence[dict]) -> str:
    """A remark on operators with kernels that DO-Conv is not defined for."""
    others = [node["op"].replace("_contrib_", "") for node in nodes if "kernel" in node.get("attrs", {})]
    counts = Counter(other for other in others if re.search("(De|.*Deformable)[Cc]onvolution", other))
    return ", ".join(f"{number} {operator}" for operator, number in sorted(counts.items()))


def _positions(kernel: Any) -> int:
    return prod(int(size) for size in re.findall(r"\d+", str(kernel)))


def kernels_called(net: Block, x: Sequence[mx.nd.NDArray]) -> set[str]:
    """Return names of the kernels that convolutions are called with or have in the graphs of SymbolBlocks."""
    graphs = [block._cached_graph[1] for block in blocks(net).values() if isinstance(block, SymbolBlock)]
    found = {kernel for graph in graphs for kernel in kernels_of_graph(json.loads(graph.tojson())["nodes"])}
    predict(net, x)  # so that every parameter has its values
    parameters = {id(p.data()): p.name for p in net.collect_params().values() if p._data is not None}
    convolution = mx.nd.Convolution

    def watched(data: Any, weight: Any, *args: Any, **kwargs: Any) -> Any:
        if _positions(kwargs["kernel"]) > 1 and id(weight) in parameters:
            found.add(parameters[id(weight)])
        return convolution(data, weight, *args, **kwargs)

    mx.nd.Convolution = watched
    try:
        predict(net, x)
    finally:
        mx.nd.Convolution = convolution
    return found


def blocks(net: Block, path: str = "") -> dict[str, Block]:
    """Return every block of ``net``, by its path."""
    found = {path: net}
    for name, child in net._children.items():
        found.update(blocks(child, f"{path}.{name}"))
    return found

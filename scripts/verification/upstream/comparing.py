"""Steps that compare what two runs have left."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

import mxnet as mx
import numpy as np
from mxnet.gluon import Block

from .case import CheckError, Findings, Place, Step
from .folding import Network, ds
from .run import LOG

Arrays = Dict[str, np.ndarray]


def resumes(start: str, whole: str, resumed: str, finding: str) -> Step:
    """Check that a run resumed from ``start`` ends, bitwise, as a whole one, and that D moved meanwhile."""

    def check(place: Place) -> Findings:
        before, after = read(place.find(start)), read(place.find(whole))
        require_same(after, read(place.find(resumed)))
        if all(np.array_equal(after[name], before[name]) for name in after if is_d(name)):
            raise CheckError("no D moved in the resumed epoch")
        return {"resumed": finding}

    return check


def same_weights(one: str, other: str, finding: str) -> Step:
    """Check that two ``.params`` files hold the same arrays, bitwise, but for BatchNorm's statistics."""

    def check(place: Place) -> Findings:
        arrays = [_without_statistics(read(place.find(pattern))) for pattern in (one, other)]
        require_same(*arrays)
        return {"besides": f"{finding}: {len(arrays[0])} arrays"}

    return check


def same_prints(one: str, other: str, pattern: str, finding: str) -> Step:
    """Check that two runs print the same where ``pattern`` matches last."""

    def check(place: Place) -> Findings:
        printed = [re.findall(pattern, (place.work / run / LOG).read_text()) for run in (one, other)]
        if not all(printed):
            raise CheckError(f"{pattern!r} was not printed")
        if printed[0][-1] != printed[1][-1]:
            raise CheckError(f"{one} printed {printed[0][-1]}, {other} {printed[1][-1]}")
        return {"besides": finding}

    return check


def same_exports(one: str, other: str, finding: str) -> Step:
    """Check that exported networks have the same nodes and, bitwise, the same arrays; no D among them.

    They are in ``PREFIX-symbol.json`` and ``PREFIX-0000.params``; ``one`` and ``other`` are prefixes.
    """

    def check(place: Place) -> Findings:
        graphs = [nodes(place.find(f"{prefix}-symbol.json")) for prefix in (one, other)]
        if graphs[0] != graphs[1]:
            raise CheckError(f"the graphs {one} and {other} differ")
        arrays = [read(place.find(f"{prefix}-0000.params")) for prefix in (one, other)]
        if any(is_d(name) for name in arrays[0]):
            raise CheckError("there is a D in the exported file")
        require_same(*arrays)
        return {"besides": finding}

    return check


def arrives(pretrained: str, base: Network, saved: str, network: Network, finding: str) -> Step:
    """Check that what a pretrained file holds is in the network at the start: its W, and its D, or else D = I.

    ``saved`` is a checkpoint of a run with the learning rate 0, in which only BatchNorm's statistics change.
    The layers of both networks have the same names after that of the base.
    """

    def check(place: Place) -> Findings:
        own = place.work / pretrained
        held = _kernels(base.trained(own if own.exists() else place.shared / pretrained))
        found = _kernels(network.trained(place.find(saved)))
        missing = sorted(held.keys() - found.keys())
        if missing:
            raise CheckError(f"{missing[0]} of the base is not in the network")
        require_same(held, {name: found[name] for name in held})
        return {"besides": f"{finding}: {len(held) // 2} W and D bitwise those of the file"}

    return check


def _kernels(net: Block) -> Arrays:
    """Each W and D of a network, by the name of its layer in the base."""
    parameters, kernels = net.collect_params(), {}
    for name, d in ds(net).items():
        prefix = name[: -len("D")]
        layer = re.sub(r"^.*?resnetv1[a-z]\d*_", "", prefix)
        kernels[f"{layer}weight"], kernels[f"{layer}D"] = parameters[f"{prefix}weight"].data().asnumpy(), d
    return kernels


def _without_statistics(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if "running" not in name}


def nodes(path: Path) -> list[tuple[Any, ...]]:
    """Return an exported graph, node for node.

    Left out is what is not the network's: how often it was traced, the shapes that were known then, and
    initializers, which name constants by their addresses in memory.
    """
    graph = json.loads(path.read_text())["nodes"]
    for node in graph:
        for attribute in ("__shape__", "__init__"):
            node.get("attrs", {}).pop(attribute, None)
    return [
        (node["op"], node["name"], node.get("attrs"), [source[:2] for source in node["inputs"]])
        for node in graph
    ]


def is_d(name: str) -> bool:
    """Whether an array of a file is a D."""
    return name.endswith((".D", "_D"))


def read(path: Path) -> Arrays:
    """Return the arrays of a ``.params`` file; MXNet writes none of quantized networks."""
    return {name: array.asnumpy() for name, array in dict(mx.nd.load(str(path))).items()}


def require_same(one: Arrays, other: Arrays) -> None:
    """Raise CheckError unless both have the same names and, bitwise, the same arrays."""
    if one.keys() != other.keys():
        raise CheckError(f"only in one of the files: {sorted(one.keys() ^ other.keys())[0]}")
    different = [name for name in one if not np.array_equal(one[name], other[name], equal_nan=True)]
    if different:
        raise CheckError(f"{len(different)} of {len(one)} arrays differ, such as {different[0]}")

"""Checks that compare what two runs have left."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gluon_doconv.core.convert import doconv_convolutions

import mxnet as mx
import numpy as np

from .case import CheckError, Findings, Place
from .folding import Network
from .run import LOG


@dataclass(frozen=True)
class Resumes:
    """A run resumed from ``start`` ends, bitwise, as one that was not interrupted; each D moved meanwhile."""

    start: str
    whole: str
    resumed: str
    finding: str

    def __call__(self, place: Place) -> Findings:
        """Compare the checkpoints; raise CheckError with the name of an array that differs."""
        start, whole, resumed = (
            read(place.find(pattern)) for pattern in (self.start, self.whole, self.resumed)
        )
        require_same(whole, resumed)
        moved = [name for name in whole if is_d(name) and not np.array_equal(whole[name], start[name])]
        if not moved:
            raise CheckError("no D moved in the resumed epoch")
        return {"resumed": self.finding}


@dataclass(frozen=True)
class SameWeights:
    """Two ``.params`` files hold the same arrays, bitwise, BatchNorm's running statistics left aside."""

    one: str
    other: str
    finding: str

    def __call__(self, place: Place) -> Findings:
        """Compare them; raise CheckError with the name of an array that differs."""
        both = (read(place.find(pattern)) for pattern in (self.one, self.other))
        one, other = (
            {name: array for name, array in arrays.items() if "running" not in name} for arrays in both
        )
        require_same(one, other)
        return {"besides": f"{self.finding}: {len(one)} arrays"}


@dataclass(frozen=True)
class SamePrints:
    """Two runs print the same where ``pattern`` matches."""

    one: str
    other: str
    pattern: str
    finding: str

    def __call__(self, place: Place) -> Findings:
        """Compare what they printed last."""
        printed = [
            re.findall(self.pattern, (place.work / run / LOG).read_text()) for run in (self.one, self.other)
        ]
        if not all(printed):
            raise CheckError(f"{self.pattern!r} was not printed")
        if printed[0][-1] != printed[1][-1]:
            raise CheckError(f"{self.one} printed {printed[0][-1]}, {self.other} {printed[1][-1]}")
        return {"besides": self.finding}


@dataclass(frozen=True)
class SameExports:
    """Exported networks are alike: the same nodes and the same arrays, bitwise; no D among them."""

    one: str
    other: str
    finding: str

    def __call__(self, place: Place) -> Findings:
        """Compare PREFIX-symbol.json and PREFIX-0000.params of both prefixes."""
        graphs = [nodes(place.find(f"{run}-symbol.json")) for run in (self.one, self.other)]
        if graphs[0] != graphs[1]:
            raise CheckError(f"the graphs {self.one} and {self.other} differ")
        arrays = [read(place.find(f"{run}-0000.params")) for run in (self.one, self.other)]
        if any(is_d(name) for name in arrays[0]):
            raise CheckError("there is a D in the exported file")
        require_same(*arrays)
        return {"besides": self.finding}


@dataclass(frozen=True)
class Arrives:
    """What a pretrained file holds is in the network at the start: its W, and its D, or else D = I.

    ``saved`` is a checkpoint of a run with the learning rate 0, in which only BatchNorm's statistics change.
    """

    pretrained: str
    base: Network
    saved: str
    network: Network
    finding: str

    def __call__(self, place: Place) -> Findings:
        """Compare layer by layer; the layers of both networks have the same names after that of the base."""
        own = place.work / self.pretrained
        file = own if own.exists() else place.shared / self.pretrained
        base = self._kernels(self.base.trained(str(file)))
        network = self._kernels(self.network.trained(str(place.find(self.saved))))
        missing = sorted(set(base) - set(network))
        if missing:
            raise CheckError(f"{missing[0]} of the base is not in the network")
        require_same(base, {name: network[name] for name in base})
        ds = [base[name] for name in base if name.endswith(" D")]
        return {"besides": f"{self.finding}: {len(ds)} W and D bitwise those of the file"}

    @staticmethod
    def _kernels(net: mx.gluon.Block) -> dict[str, np.ndarray]:
        kernels = {}
        for convolution in doconv_convolutions(net):
            layer = re.sub(r"^.*?resnetv1[a-z]\d*_", "", convolution.prefix)
            kernels[f"{layer} W"] = convolution.weight.data().asnumpy()
            kernels[f"{layer} D"] = convolution.d.data().asnumpy()
        return kernels


def nodes(path: Path) -> list[tuple[Any, ...]]:
    """An exported graph, node for node.

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


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a ``.params`` file."""
    return {name: array.asnumpy() for name, array in mx.nd.load(str(path)).items()}


def require_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Raise CheckError unless both have the same names and, bitwise, the same arrays."""
    if one.keys() != other.keys():
        raise CheckError(f"only in one of the files: {sorted(one.keys() ^ other.keys())[0]}")
    different = [name for name in one if not np.array_equal(one[name], other[name], equal_nan=True)]
    if different:
        raise CheckError(f"{len(different)} of {len(one)} arrays differ, such as {different[0]}")

"""Checks of one checkpoint: it has every D, folds, and predicts the same in the network GluonCV builds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import Block

from ..kernels import find_kernels
from ..networks import predict, same
from .case import CheckError, Findings, Place, Step


@dataclass(frozen=True)
class Network:
    """The network a checkpoint is of.

    ``build`` makes it as GluonCV does, ``shape`` is that of an input, ``options`` are those of
    ``over_parameterize``, ``kernels`` is a regular expression for the kernels that these select, and ``second``
    is the shape of a second input.
    """

    build: Callable[[], Block]
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    kernels: str = ""
    second: tuple[int, ...] | None = None

    def trained(self, checkpoint: Path) -> Block:
        """Build the DO-Conv network, with the checkpoint in it."""
        net = self.build()
        doconv.over_parameterize(net, **self.options)
        doconv.load_parameters(net, str(checkpoint), ignore_extra=True)
        return net

    def inputs(self) -> list[mx.nd.NDArray]:
        """Draw what the network is called with; always the same."""
        mx.random.seed(0)
        return [mx.nd.random.normal(shape=shape) for shape in (self.shape, self.second) if shape]

    def expected(self) -> int:
        """Count the kernels that are to have a D, in the stock network."""
        kernels, _ = find_kernels(self.build(), self.inputs())
        return sum(bool(re.search(self.kernels, kernel)) for kernel in kernels)


def folds(
    saved: str, network: Network, among: tuple[str, ...] = (), start: str = "", may_rest: str = "$^"
) -> Step:
    """Check that a checkpoint has a D for each layer selected, all that train have moved, and that it folds.

    Parameters
    ----------
    saved, network : the checkpoint, and what it is of
    among : regular expressions for layers that have to be among them
    start : the checkpoint they have moved from; if there is none, the identity
    may_rest : a regular expression for layers that may get no gradient
    """

    def check(place: Place) -> Findings:
        checkpoint, folded = place.find(saved), place.work / "folded.params"
        trained, stock, expected = network.trained(checkpoint), network.build(), network.expected()
        layers = _distinct(doconv.fold_params(checkpoint, folded), trained)
        before = network.trained(place.find(start)) if start else None
        counts = f"{len(layers)} of {expected}, {_moved(trained, before, may_rest)} moved"
        if len(layers) != expected:
            raise CheckError(f"D in the checkpoint: {counts}")
        for pattern in among:
            if not any(re.search(pattern, name) for name in ds(trained)):
                raise CheckError(f"no D for {pattern}")
        stock.load_parameters(str(folded), ignore_extra=True)
        _compare(trained, stock, network.inputs())
        return {"D in the checkpoint": counts, "folded, in stock GluonCV": "the same"}

    return check


def _distinct(layers: Iterable[str], net: Block) -> set[str]:
    """Layers of a file, each once: one that is a child in two places is there twice."""
    weights = net._collect_params_with_prefix()
    found = ((layer, weights.get(f"{layer}.weight")) for layer in layers)
    return {layer if weight is None else weight.name for layer, weight in found}


def ds(net: Block) -> dict[str, np.ndarray]:
    """Return every D of a network, by its name."""
    return {name: d.data().asnumpy() for name, d in net.collect_params(".*_D$").items()}


def _moved(net: Block, before: Block | None, may_rest: str) -> int:
    """The number of D that are elsewhere than before: all of those that the script trains."""
    train = net.collect_train_params() if hasattr(net, "collect_train_params") else net.collect_params()
    now = ds(net)
    former = list(ds(before).values()) if before else [0.0] * len(now)
    moved = {name for (name, d), old in zip(now.items(), former) if (d != old).any()}
    wrong = moved ^ (set(now) & set(train))
    wrong -= {name for name in wrong - moved if re.search(may_rest, name)}
    if wrong:
        names = ", ".join(sorted(wrong))
        raise CheckError(f"{len(moved)} of {len(now)} D moved; not as it should be: {names}")
    return len(moved)


def _compare(one: Block, other: Block, x: list[mx.nd.NDArray]) -> None:
    """Compare predictions or, where a detector finds nothing, what it computes as in training."""
    for net in (one, other):
        equal_classes(net)
    for mode in (autograd.predict_mode, autograd.train_mode):
        with mode():
            outputs = predict(one, x)
            if any(np.unique(output).size > 1 for output in outputs):
                break
    else:
        raise CheckError("the network predicts nothing")
    with mode():
        if not same(outputs, predict(other, x)):
            raise CheckError("folded, it predicts something else")


def equal_classes(net: Block) -> None:
    """Have a detector find all classes alike: having hardly trained, it may find nothing but background."""
    predictor = getattr(net, "class_predictor", None)
    for parameter in predictor.collect_params().values() if predictor else ():
        parameter.set_data(mx.nd.zeros(parameter.shape))

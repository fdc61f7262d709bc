"""Checks of one checkpoint: it has every D, folds, and predicts the same in the network GluonCV builds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable

import gluon_doconv as doconv
from gluon_doconv.core.config import DOConvConfig
from gluon_doconv.core.convert import doconv_convolutions
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.core.selection import reasons

import mxnet as mx
import numpy as np
from mxnet.gluon import Block

from .case import CheckError, Findings, Place

SEED = 0


@dataclass(frozen=True)
class Network:
    """The network a checkpoint is of: how it is built, the shape of an input, the runner's options."""

    build: Callable[[], Block]
    shape: tuple[int, ...]
    selection: dict[str, Any] = field(default_factory=dict)
    d_mul: int | None = None

    def trained(self, checkpoint: str) -> Block:
        """The DO-Conv network, with the checkpoint in it."""
        net = self.build()
        doconv.over_parameterize(net, **self.selection, d_mul=self.d_mul)
        doconv.load_parameters(net, checkpoint, ignore_extra=True)
        return net


@dataclass(frozen=True)
class Folds:
    """The checkpoint ``saved`` has a D for each layer selected, all that train have moved, and it folds.

    Parameters
    ----------
    saved, network : the checkpoint, and what it is of
    among : regular expressions for layers that have to be among them
    start : the checkpoint they have moved from; if there is none, the identity
    may_rest : a regular expression for layers that may get no gradient
    """

    saved: str
    network: Network
    among: tuple[str, ...] = ()
    start: str = ""
    may_rest: str = "$^"

    def __call__(self, place: Place) -> Findings:
        """Fold, and compare predictions bitwise."""
        checkpoint = place.find(self.saved)
        folded = place.work / "folded.params"
        layers = doconv.fold_params(checkpoint, folded)
        stock, trained = self.network.build(), self.network.trained(str(checkpoint))
        convolutions = find_convolutions(stock)
        expected = reasons(DOConvConfig(**self.network.selection), convolutions).count(None)
        before = self.network.trained(str(place.find(self.start))) if self.start else None
        moved = self._moved(trained, before)
        counts = f"{len(layers)} of {expected}, {moved} moved"
        if len(layers) != expected:
            raise CheckError(f"D in the checkpoint: {counts}")
        for pattern in self.among:
            if not any(re.search(pattern, convolution.prefix) for convolution in doconv_convolutions(trained)):
                raise CheckError(f"no D for {pattern}")
        stock.load_parameters(str(folded), ignore_extra=True)
        self._compare(trained, stock)
        return {"D in the checkpoint": counts, "folded, in stock GluonCV": "the same"}

    def _moved(self, net: Block, before: Block | None) -> int:
        """The number of D that are elsewhere than before: all of those that the script trains."""
        train = net.collect_train_params() if hasattr(net, "collect_train_params") else net.collect_params()
        ds = {convolution.d.name: convolution.d.data().asnumpy() for convolution in doconv_convolutions(net)}
        former = (
            [convolution.d.data().asnumpy() for convolution in doconv_convolutions(before)]
            if before
            else [0.0] * len(ds)
        )
        moved = {name for (name, d), old in zip(ds.items(), former) if (d != old).any()}
        wrong = moved ^ (set(ds) & set(train))
        wrong -= {name for name in wrong - moved if re.search(self.may_rest, name)}
        if wrong:
            names = ", ".join(sorted(wrong))
            raise CheckError(f"{len(moved)} of {len(ds)} D moved; not as it should be: {names}")
        return len(moved)

    def _compare(self, one: Block, other: Block) -> None:
        for net in (one, other):
            equal_classes(net)
        mx.random.seed(SEED)
        x = mx.nd.random.normal(shape=self.network.shape)
        outputs = predictions(one, x)
        if all(np.unique(output).size < 2 for output in outputs):
            raise CheckError("the network predicts nothing")
        if not all(np.array_equal(*pair, equal_nan=True) for pair in zip(outputs, predictions(other, x))):
            raise CheckError("folded, it predicts something else")


def equal_classes(net: Block) -> None:
    """Have a detector find all classes alike: having hardly trained, it may find nothing but background."""
    predictor = getattr(net, "class_predictor", None)
    for parameter in predictor.collect_params().values() if predictor else ():
        parameter.set_data(mx.nd.zeros(parameter.shape))


def predictions(net: Block, x: Any) -> list[np.ndarray]:
    """All outputs for ``x``; dropout and the like draw the same numbers every time."""
    mx.random.seed(SEED)
    out = net(x)
    return [array.asnumpy() for array in (out if isinstance(out, (list, tuple)) else [out])]

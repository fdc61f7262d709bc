"""Convolutions of videos and oneDNN's BatchNorm."""

from __future__ import annotations

from functools import partial
from typing import Any

import mxnet as mx

from ..calls import Call
from ..monkeypatch import Undo, intercept

OPERATORS = ("Convolution", "Pooling")


def plain_layout_of_convolution3d() -> Undo:
    """On the CPU, a BatchNorm beside a 3-D convolution fails to go back ("Check failed: !is_view").

    For input of five axes it reshapes gradients as if they were not in the blocked layout that oneDNN's
    convolutions and poolings write. So these hand on, forward and backward, a slice that is everything: a
    copy, in the plain layout.
    """
    if mx.context.num_gpus():
        return lambda: None
    undos = [intercept(F, name, partial(_hand_on, F)) for F in (mx.nd, mx.sym) for name in OPERATORS]

    def undo() -> None:
        for one in undos:
            one()

    return undo


def _hand_on(F: Any, call: Call) -> Any:
    if not _is_3d(call["kernel"]) or call["out"] is not None:
        return call()
    everything = partial(F.slice_axis, axis=0, begin=0, end=None)
    return everything(call(data=everything(call["data"])))


def _is_3d(kernel: Any) -> bool:
    return isinstance(kernel, tuple) and len(kernel) == 3

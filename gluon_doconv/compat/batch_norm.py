"""The running statistics of a BatchNorm that has nothing to learn, as at the beginning of every ResNet-v2."""

from __future__ import annotations

from mxnet.gluon.nn import BatchNorm

from ..calls import Call
from ..monkeypatch import Undo, intercept


def statistics_without_parameters() -> Undo:
    """On the CPU the backward pass updates statistics, and none is run where nothing asks for a gradient.

    So gamma, which is fixed to 1 and whose gradient is 0, asks for it; no optimizer may move it.
    """

    def make(call: Call) -> None:
        call()
        layer = call.instance
        if not (call["scale"] or call["center"] or call["use_global_stats"]):
            layer.gamma._differentiable = True
            layer.gamma.lr_mult = layer.gamma.wd_mult = 0.0
            layer.gamma.grad_req = "write"

    return intercept(BatchNorm, "__init__", make)

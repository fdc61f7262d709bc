"""3-D convolutions followed by BatchNorm, as in I3D and SlowFast, which MXNet's oneDNN cannot train."""

from __future__ import annotations

from typing import Any

import mxnet as mx
from mxnet.gluon import nn

from ..calls import Call
from ..monkeypatch import Undo, intercept

STATISTICS = ("gamma", "beta", "running_mean", "running_var")


def batch_norm_of_videos() -> Undo:
    """Give BatchNorm its channels as the first axis, where its backward pass meets no array in oneDNN's layout.

    Otherwise that pass ends with ``Check failed: !is_view``, hybridized or not. Changed is only what runs on a
    CPU after a ``Conv3D`` has been built; what is computed is the same.
    """
    if mx.context.num_gpus():
        return lambda: None
    built: list[bool] = []

    def conv3d(call: Call) -> None:
        call()
        built.append(True)

    def batch_norm(call: Call) -> Any:
        chosen = call.instance._kwargs
        if not built or chosen["axis"] != 1:
            return call()
        operators, swapped = call["F"], call["F"].swapaxes(call["x"], 0, 1)
        statistics = [call[name] for name in STATISTICS]
        y = operators.BatchNorm(swapped, *statistics, name="fwd", **{**chosen, "axis": 0})
        return operators.swapaxes(y, 0, 1)

    undo_conv3d = intercept(nn.Conv3D, "__init__", conv3d)
    undo_batch_norm = intercept(nn.BatchNorm, "hybrid_forward", batch_norm)

    def undo() -> None:
        undo_batch_norm()
        undo_conv3d()

    return undo

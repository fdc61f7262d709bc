"""The weights that a Trainer hands to every worker when it meets a distributed kvstore."""

from __future__ import annotations

import mxnet as mx
from mxnet.gluon import Trainer

from ..calls import Call
from ..monkeypatch import Undo, intercept


def weights_before_gradients() -> Undo:
    """Wait for them: where workers update, the first gradients may else come back in the place of weights.

    Both go by one key, and the request for the weights is under way when the gradients are pushed.
    """

    def init_params(call: Call) -> None:
        call()
        if call.instance._distributed:
            mx.nd.waitall()

    return intercept(Trainer, "_init_params", init_params)

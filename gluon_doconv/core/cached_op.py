"""What a hybridized block runs: MXNet's CachedOp of the graph that was traced, or of the same composed natively."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..native.operator import operator
from .coupling import CoupledWeight
from .native_graph import composed_natively


class NativeCachedOp:
    """Called in place of a block's CachedOp: hands on to it, or on a CPU to one of the native graph.

    Parameters
    ----------
    plain : of the graph that was traced, in MXNet's operators
    natively : makes that of the native graph, ``adding`` to gradients or not
    weights : those whose kernels are composed
    """

    def __init__(
        self, plain: Any, natively: Callable[[bool], Any], weights: Sequence[CoupledWeight]
    ) -> None:
        self._plain, self._make, self._weights = plain, natively, weights
        self._made: dict[bool, Any] = {}

    def __call__(self, *args: mx.nd.NDArray, **kwargs: Any) -> Any:
        """Run on arrays of one context."""
        return self._for(args[0].context)(*args, **kwargs)

    def _for(self, context: mx.Context) -> Any:
        if not context.device_type.startswith("cpu"):
            return self._plain
        adding = any("add" in (weight.grad_req, weight.d.grad_req) for weight in self._weights)
        if adding not in self._made:
            self._made[adding] = self._make(adding)
        return self._made[adding]

    def _register_op_hook(self, *args: Any) -> None:
        """Show a monitor MXNet's operators, from now on."""
        self._made = dict.fromkeys((True, False), self._plain)
        self._plain._register_op_hook(*args)


def run_natively(block: HybridBlock) -> None:
    """Have a block that has just been traced compose its kernels natively, where the operator is to be had."""
    arguments = block._cached_op_args
    weights = [parameter for is_data, parameter in arguments if not is_data]
    weights = [weight for weight in weights if isinstance(weight, CoupledWeight)]
    if not weights or operator() is None:
        return
    plain, symbol = block._cached_op, block._cached_graph[1]
    places = {kind: [i for i, (is_data, _) in enumerate(arguments) if is_data is kind] for kind in (True, False)}
    flags = [("data_indices", places[True]), ("param_indices", places[False]), *block._flags]

    def natively(adding: bool) -> Any:
        graph = composed_natively(symbol, adding)
        return plain if graph is None else mx.nd.CachedOp(graph, flags)

    block._cached_op = NativeCachedOp(plain, natively, weights)

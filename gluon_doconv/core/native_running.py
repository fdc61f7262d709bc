"""What hybridized blocks and the executors of the Module API run: graphs whose kernels are composed natively.

On a CPU, that is, and where the operator is to be had. Nothing that shows or saves a graph sees the native one.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Sequence

import mxnet as mx
import numpy as np
from mxnet.executor import Executor
from mxnet.gluon import HybridBlock
from mxnet.gluon.parameter import Parameter

from ..errors import DOConvError
from ..native.operator import operator
from . import names
from .native_graph import composed_natively


def run_natively(block: HybridBlock) -> None:
    """Have a block that has just been traced run the native graph from now on."""
    arguments = block._cached_op_args
    parameters = [parameter for is_data, parameter in arguments if not is_data]
    if not _may_be_native(parameter.name for parameter in parameters):
        return
    plain, symbol = block._cached_op, block._cached_graph[1]
    places = {
        kind: [i for i, (is_data, _) in enumerate(arguments) if is_data is kind] for kind in (True, False)
    }
    flags = [("data_indices", places[True]), ("param_indices", places[False]), *block._flags]

    def natively(adding: bool) -> Any:
        graph = composed_natively(symbol, adding)
        return plain if graph is None else mx.nd.CachedOp(graph, flags)

    block._cached_op = NativeCachedOp(plain, natively, parameters)


class NativeCachedOp:
    """Called in place of a block's CachedOp: hands on to it, or on a CPU to one of the native graph.

    Parameters
    ----------
    plain : of the graph that was traced, in MXNet's operators
    natively : makes that of the native graph, with gradients that may be added or not
    parameters : of the block
    """

    def __init__(self, plain: Any, natively: Callable[[bool], Any], parameters: Sequence[Parameter]) -> None:
        self._plain, self._natively, self._parameters = plain, natively, parameters
        self._made: dict[bool, Any] = {}

    def __call__(self, *args: mx.nd.NDArray, **kwargs: Any) -> Any:
        """Run on arrays of one context."""
        return self._for(args[0].context)(*args, **kwargs)

    def _for(self, context: mx.Context) -> Any:
        if not _is_cpu(context):
            return self._plain
        adding = any(parameter.grad_req == "add" for parameter in self._parameters)
        if adding not in self._made:
            self._made[adding] = self._natively(adding)
        return self._made[adding]

    def _register_op_hook(self, *args: Any) -> None:
        """Show a monitor MXNet's operators, which run from now on."""
        self._made = dict.fromkeys((True, False), self._plain)
        self._plain._register_op_hook(*args)


class NativeExecutor(Executor):
    """An executor of a native graph, whose shapes MXNet cannot infer from those of the data alone."""

    def reshape(self, partial_shaping: bool = False, allow_up_sizing: bool = False, **kwargs: Any) -> Executor:
        """As in ``Executor``, which is told the shapes of all arguments."""
        shapes = argument_shapes(self._symbol, kwargs)
        return native_executor(super().reshape(partial_shaping, allow_up_sizing, **shapes), self._symbol)


def native_executor(executor: Executor, symbol: mx.sym.Symbol) -> Executor:
    """Make an executor of a native graph one that shows ``symbol``, in MXNet's operators, as its own."""
    executor.__class__, executor._symbol = NativeExecutor, symbol
    return executor


def native_symbol(symbol: mx.sym.Symbol, contexts: Iterable[mx.Context], grad_req: Any) -> mx.sym.Symbol | None:
    """What an executor on these contexts runs in place of ``symbol``; None where it is to run that."""
    if not all(map(_is_cpu, contexts)) or not _may_be_native(symbol.list_arguments()):
        return None
    requests = grad_req.values() if isinstance(grad_req, dict) else np.ravel(grad_req)
    return composed_natively(symbol, adding="add" in requests)


def argument_shapes(symbol: mx.sym.Symbol, known: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The shapes of all arguments, inferred from some.

    Raises
    ------
    DOConvError
        If those do not tell the others.
    """
    shapes = _inferred(symbol, symbol.infer_shape, known)
    if not shapes:
        raise DOConvError(f"the shapes of {', '.join(known)} do not tell those of all arguments: give more")
    return {**known, **shapes}


def argument_types(symbol: mx.sym.Symbol, known: Mapping[str, Any]) -> dict[str, Any]:
    """The dtypes of all arguments, inferred from some; those alone where that is not enough."""
    return {**known, **_inferred(symbol, symbol.infer_type, known)}


def _inferred(symbol: mx.sym.Symbol, infer: Callable[..., Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """What ``infer`` tells of each argument, by name; nothing where it cannot tell of all."""
    arguments = symbol.list_arguments()
    found = infer(**{name: known[name] for name in arguments if name in known})[0]
    return dict(zip(arguments, found or ()))


def _is_cpu(context: mx.Context) -> bool:
    kind: str = context.device_type
    return kind.startswith("cpu")


def _may_be_native(arguments: Iterable[str]) -> bool:
    return any(map(names.is_d, arguments)) and operator() is not None

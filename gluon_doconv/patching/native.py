"""Whatever runs a graph on a CPU composes its kernels natively; the graph it shows and saves stays as it is."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..calls import Call
from ..monkeypatch import Undo, intercept_all, when_imported


def compose_natively() -> Undo:
    """Hook into Gluon's hybridized blocks and the executors of Modules; the returned call undoes it."""
    return when_imported("mxnet.gluon", _hook)


def _hook(gluon: ModuleType) -> Undo:
    from mxnet.symbol import Symbol

    return intercept_all(
        (gluon.HybridBlock, "_build_cache", _build_cache),
        (Symbol, "bind", _bind),
        (Symbol, "simple_bind", _simple_bind),
    )


def _build_cache(call: Call) -> None:
    from ..core.native_running import run_natively

    call()
    run_natively(call.instance)


def _bind(call: Call) -> Any:
    from ..core.native_running import native_executor

    native = _native_symbol(call)
    return call() if native is None else native_executor(call(self=native), call.instance)


def _simple_bind(call: Call) -> Any:
    from ..core.native_running import argument_shapes, argument_types, native_executor

    symbol, native = call.instance, _native_symbol(call)
    if native is None:
        return call()
    given = call.given.get("kwargs", {})
    shapes = argument_shapes(symbol, given)
    types = argument_types(symbol, call["type_dict"] or dict.fromkeys(given, "float32"))
    return native_executor(call(self=native, type_dict=types, kwargs=shapes), symbol)


def _native_symbol(call: Call) -> Any:
    from ..core.native_running import native_symbol

    contexts = [call["ctx"], *(call["group2ctx"] or {}).values()]
    return native_symbol(call.instance, contexts, call["grad_req"])

"""The Module API under the patch: what a script makes a Module of is given DO-Conv, and it need not know.

The script goes on speaking of weights: it initializes and loads plain parameters, fixes weights by name, gives
them multipliers. Whatever it says of a weight is said of its D.
"""

from __future__ import annotations

import inspect
from contextlib import ExitStack
from typing import Any, Callable, Mapping

import mxnet as mx
from mxnet.module import Module
from mxnet.optimizer import Optimizer

from ..core.convert import ALREADY
from ..core.graph import Graph
from ..core.symbol_convert import find_symbol_convolutions, over_parameterize_as, over_parameterize_graph
from ..core.symbol_params import ds_of, with_ds, with_missing_ds
from ..errors import DOConvError
from ..monkeypatch import Undo, wrap_function, wrap_method
from .converter import ConvertedNetwork, Converter

Original = Callable[..., Any]


def convert_modules(converter: Converter) -> Undo:
    """From now on give DO-Conv to the symbol of every Module; what is returned undoes that.

    Symbols without a spatial convolution are left alone, and what is DO-Conv already stays as it is.
    """

    def make(original: Original, module: Module, *args: Any, **kwargs: Any) -> None:
        given = _arguments(original, module, *args, **kwargs)
        symbol = convert_symbol(given["symbol"], converter)
        fixed = with_ds(given.get("fixed_param_names") or [], symbol)
        original(**{**given, "symbol": symbol, "fixed_param_names": fixed})

    def init_optimizer(original: Original, module: Module, *args: Any, **kwargs: Any) -> None:
        given = _arguments(original, module, *args, **kwargs)
        if isinstance(given.get("optimizer"), Optimizer):
            _tell_of_ds(given["optimizer"], module.symbol, converter.config.d_wd_mult)
        original(**given)

    def set_wd_mult(original: Original, optimizer: Optimizer, args_wd_mult: Mapping[Any, float]) -> None:
        original(optimizer, _with_multipliers(args_wd_mult, optimizer, converter.config.d_wd_mult))

    with ExitStack() as stack:
        stack.callback(wrap_method(Module, "__init__", make))
        stack.callback(wrap_method(Module, "bind", _bind))
        stack.callback(wrap_method(Module, "init_optimizer", init_optimizer))
        stack.callback(wrap_method(Module, "init_params", _complete_params))
        stack.callback(wrap_method(Module, "set_params", _complete_params))
        for optimizer in {Optimizer, *Optimizer.opt_registry.values()}:
            if "set_lr_mult" in vars(optimizer):
                stack.callback(wrap_method(optimizer, "set_lr_mult", _set_lr_mult))
            if "set_wd_mult" in vars(optimizer):
                stack.callback(wrap_method(optimizer, "set_wd_mult", set_wd_mult))
        for module in (mx.model, mx.callback):
            stack.callback(wrap_function(module, "save_checkpoint", _save_checkpoint))
        return stack.pop_all().close


def convert_symbol(symbol: mx.sym.Symbol, converter: Converter) -> mx.sym.Symbol:
    """Give DO-Conv to a symbol as ``converter`` has it, and list it among what was built."""
    if all(convolution.obstacle for convolution in find_symbol_convolutions(symbol, Graph(symbol))):
        return symbol
    changed, _, report = over_parameterize_graph(symbol, None, converter.config)
    doconv = sum(layer.skipped in (None, ALREADY) for layer in report.layers)
    converter.built.append(ConvertedNetwork(symbol.list_outputs()[0], doconv, len(report.layers)))
    return changed


def _arguments(original: Original, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """What a function is called with, by name."""
    return dict(inspect.signature(original).bind(*args, **kwargs).arguments)


def _bind(original: Original, module: Module, *args: Any, **kwargs: Any) -> None:
    """Complete the values that ``Module.load`` has read, and requests for gradients that are made by name."""
    given = _arguments(original, module, *args, **kwargs)
    if module._arg_params is not None:
        completed = with_missing_ds(module.symbol, module._arg_params)
        if module._preload_opt_states and completed.keys() != module._arg_params.keys():
            raise DOConvError(
                f"{module._preload_opt_states}: an optimizer's states are filed by position, and those of a "
                "plain training do not fit a Module with D: load the checkpoint without load_optimizer_states"
            )
        module._arg_params = completed
    if isinstance(given.get("grad_req"), dict):
        given["grad_req"] = with_ds(given["grad_req"], module.symbol)
    original(**given)


def _complete_params(original: Original, module: Module, *args: Any, **kwargs: Any) -> None:
    """A network whose weights are given and its D are not starts from the identity."""
    given = _arguments(original, module, *args, **kwargs)
    if given.get("arg_params"):
        given["arg_params"] = with_missing_ds(module.symbol, given["arg_params"])
    original(**given)


def _tell_of_ds(optimizer: Optimizer, symbol: mx.sym.Symbol, d_wd_mult: float) -> None:
    """Give an optimizer that a script has made, and that has not read the symbol, the multipliers of each D."""
    arguments = symbol.list_arguments()
    for weight, d in ds_of(arguments, arguments).items():
        optimizer.lr_mult.setdefault(d, optimizer.lr_mult.get(weight, 1.0))
        optimizer.wd_mult.setdefault(d, optimizer.wd_mult.get(weight, 1.0) * d_wd_mult)


def _set_lr_mult(original: Original, optimizer: Optimizer, args_lr_mult: Mapping[Any, float]) -> None:
    original(optimizer, _with_multipliers(args_lr_mult, optimizer, 1.0))


def _with_multipliers(given: Mapping[Any, float], optimizer: Optimizer, factor: float) -> dict[Any, float]:
    """Add the multiplier of each D whose weight has one, and which has none of its own."""
    known = set(optimizer.idx2name.values())
    told = [name for name in given if isinstance(name, str)]  # by index it is one parameter that is spoken of
    return {**{d: given[weight] * factor for weight, d in ds_of(told, known).items()}, **given}


def _save_checkpoint(original: Original, *args: Any, **kwargs: Any) -> None:
    """Beside values with D, save a symbol that has them: what a script holds may be the plain one it built."""
    given = _arguments(original, *args, **kwargs)
    if given["symbol"] is not None:
        given["symbol"] = over_parameterize_as(given["symbol"], given["arg_params"])
    original(**given)

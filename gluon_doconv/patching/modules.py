"""The Module API under the patch: what a script makes a Module of is given DO-Conv, and it need not know.

The script goes on speaking of weights: it initializes and loads plain parameters, fixes weights by name, gives
them multipliers. Whatever it says of a weight is said of its D.
"""

from __future__ import annotations

from typing import Any, Mapping

import mxnet as mx
from mxnet.module import Module
from mxnet.optimizer import Optimizer

from ..calls import Call
from ..core.convert import ALREADY
from ..core.graph import Graph
from ..core.symbol_convert import find_symbol_convolutions, over_parameterize_as, over_parameterize_graph
from ..core.symbol_params import ds_of, with_ds, with_missing_ds
from ..errors import DOConvError
from ..monkeypatch import Undo, intercept_all
from .converter import ConvertedNetwork, Converter


def convert_modules(converter: Converter) -> Undo:
    """From now on give DO-Conv to the symbol of every Module; what is returned undoes that.

    Symbols without a spatial convolution are left alone, and what is DO-Conv already stays as it is.
    """

    def make(call: Call) -> None:
        symbol = convert_symbol(call["symbol"], converter)
        call(symbol=symbol, fixed_param_names=with_ds(call["fixed_param_names"] or [], symbol))

    def init_optimizer(call: Call) -> None:
        if isinstance(call["optimizer"], Optimizer):
            _tell_of_ds(call["optimizer"], call.instance.symbol, converter.config.d_wd_mult)
        call()

    def set_lr_mult(call: Call) -> None:
        call(args_lr_mult=_with_multipliers(call["args_lr_mult"], call.instance, 1.0))

    def set_wd_mult(call: Call) -> None:
        factor = converter.config.d_wd_mult
        call(args_wd_mult=_with_multipliers(call["args_wd_mult"], call.instance, factor))

    optimizers = {Optimizer, *Optimizer.opt_registry.values()}
    setters = (("set_lr_mult", set_lr_mult), ("set_wd_mult", set_wd_mult))
    return intercept_all(
        (Module, "__init__", make),
        (Module, "bind", _bind),
        (Module, "init_optimizer", init_optimizer),
        (Module, "init_params", _complete_params),
        (Module, "set_params", _complete_params),
        *(
            (optimizer, name, set_)
            for optimizer in optimizers
            for name, set_ in setters
            if name in vars(optimizer)
        ),
        (mx.model, "save_checkpoint", _save_checkpoint),
        (mx.callback, "save_checkpoint", _save_checkpoint),
    )


def convert_symbol(symbol: mx.sym.Symbol, converter: Converter) -> mx.sym.Symbol:
    """Give DO-Conv to a symbol as ``converter`` has it, and list it among what was built."""
    if all(convolution.obstacle for convolution in find_symbol_convolutions(symbol, Graph(symbol))):
        return symbol
    changed, _, report = over_parameterize_graph(symbol, None, converter.config)
    doconv = sum(layer.skipped in (None, ALREADY) for layer in report.layers)
    converter.add(ConvertedNetwork(symbol.list_outputs()[0], doconv, len(report.layers)))
    return changed


def _bind(call: Call) -> None:
    """Complete the values that ``Module.load`` has read, and requests for gradients that are made by name."""
    module, grad_req = call.instance, call["grad_req"]
    if module._arg_params is not None:
        completed = with_missing_ds(module.symbol, module._arg_params)
        if module._preload_opt_states and completed.keys() != module._arg_params.keys():
            raise DOConvError(
                f"{module._preload_opt_states}: an optimizer's states are filed by position, and those of a "
                "plain training do not fit a Module with D: load the checkpoint without load_optimizer_states"
            )
        module._arg_params = completed
    call(grad_req=with_ds(grad_req, module.symbol) if isinstance(grad_req, dict) else grad_req)


def _complete_params(call: Call) -> None:
    """A network whose weights are given and its D are not starts from the identity."""
    given = call["arg_params"]
    call(arg_params=with_missing_ds(call.instance.symbol, given) if given else given)


def _tell_of_ds(optimizer: Optimizer, symbol: mx.sym.Symbol, d_wd_mult: float) -> None:
    """Give an optimizer that a script has made, and that has not read the symbol, the multipliers of each D."""
    arguments = symbol.list_arguments()
    for weight, d in ds_of(arguments, arguments).items():
        optimizer.lr_mult.setdefault(d, optimizer.lr_mult.get(weight, 1.0))
        optimizer.wd_mult.setdefault(d, optimizer.wd_mult.get(weight, 1.0) * d_wd_mult)


def _with_multipliers(given: Mapping[Any, float], optimizer: Optimizer, factor: float) -> dict[Any, float]:
    """Add the multiplier of each D whose weight has one, and which has none of its own."""
    known = set(optimizer.idx2name.values())
    told = [name for name in given if isinstance(name, str)]  # by index it is one parameter that is spoken of
    return {**{d: given[weight] * factor for weight, d in ds_of(told, known).items()}, **given}


def _save_checkpoint(call: Call) -> None:
    """Beside values with D, save a symbol that has them: what a script holds may be the plain one it built."""
    symbol = call["symbol"]
    call(symbol=None if symbol is None else over_parameterize_as(symbol, call["arg_params"]))

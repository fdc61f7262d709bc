"""What a Module is told of a symbol's parameters, by name, when some of them are a D.

Scripts speak of weights: they give their values, fix them, slow them down. Here each D is added to that.
"""

from __future__ import annotations

import ast
from math import prod
from typing import Any, Collection, Iterable, Mapping, TypeVar, overload

import mxnet as mx

from . import kernel, names
from .arrays import snapshot
from .graph import ConvolutionNode, Graph
from .initializers import INITIALIZERS

Arrays = Mapping[str, mx.nd.NDArray]
Multiplier = TypeVar("Multiplier")


def with_missing_ds(
    symbol: mx.sym.Symbol, arrays: Arrays, d_initializer: str = "identity"
) -> dict[str, mx.nd.NDArray]:
    """Complete the arrays of a plain network to those of ``symbol``: add each D that they lack.

    A D is added where its weight is among them, and W is fitted to the D_mul that ``symbol`` declares; with the
    identity the network computes what the arrays compute without it.
    """
    completed = dict(arrays)
    attributes = symbol.attr_dict()
    for node in Graph(symbol).convolutions():
        weight = arrays.get(node.weight)
        if weight is None or node.d is None or node.d in completed or weight.shape[2:] != node.kernel_size:
            continue
        d_mul = _declared_d_mul(node, attributes.get(node.d, {}))
        shape = node.geometry(d_mul).d_shape(weight.shape[1] * node.groups)
        completed[node.d] = mx.nd.zeros(shape, ctx=weight.context, dtype=weight.dtype)
        INITIALIZERS[d_initializer]._init_weight(node.d, completed[node.d])
        if d_mul != prod(node.kernel_size):
            expanded = kernel.expand(snapshot(weight), d_mul)
            completed[node.weight] = mx.nd.array(expanded, ctx=weight.context, dtype=weight.dtype)
    return completed


def _declared_d_mul(node: ConvolutionNode, attributes: Mapping[str, str]) -> int:
    declared = ast.literal_eval(attributes.get("__shape__", "()"))
    return declared[-2] if len(declared) > 2 and declared[-2] > 0 else prod(node.kernel_size)


@overload
def with_ds(weights: Mapping[str, Multiplier], symbol: mx.sym.Symbol) -> dict[str, Multiplier]: ...


@overload
def with_ds(weights: Iterable[str], symbol: mx.sym.Symbol) -> list[str]: ...


def with_ds(weights: Any, symbol: mx.sym.Symbol) -> Any:
    """Add to parameter names the D of each weight among them, for what a Module is told by name.

    Parameters
    ----------
    weights : iterable of str, or dict by name
        Names, such as ``fixed_param_names``; or a dictionary, such as that of ``Optimizer.set_lr_mult``, in
        which D gets the value of its weight.
    symbol : Symbol
        A symbol with DO-Conv; names it does not know are passed on.

    Returns
    -------
    list or dict
        Each D after its weight. What was given is not changed.

    Examples
    --------
    >>> plain = mx.sym.Convolution(mx.sym.var("data"), num_filter=8, kernel=(3, 3), name="conv0")
    >>> symbol, _, _ = doconv.over_parameterize_symbol(plain)
    >>> doconv.with_ds(["conv0_weight", "conv0_bias"], symbol)
    ['conv0_weight', 'conv0_D', 'conv0_bias']
    >>> doconv.with_ds({"conv0_weight": 0.1}, symbol)
    {'conv0_weight': 0.1, 'conv0_D': 0.1}
    """
    listed = list(weights)
    known = set(symbol.list_arguments()) - set(listed)
    ds = ds_of(listed, known)
    extended = [each for name in listed for each in (name, ds.get(name)) if each is not None]
    if not isinstance(weights, Mapping):
        return extended
    values = {**weights, **{d: weights[name] for name, d in ds.items()}}
    return {name: values[name] for name in extended}


def ds_of(parameters: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Name, for each weight among ``parameters``, its D, where that is among the ``known`` names."""
    ds = {name: names.d_of(name) for name in parameters if names.is_weight(name)}
    return {weight: d for weight, d in ds.items() if d in known}

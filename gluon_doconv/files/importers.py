"""Checkpoints of the published DO-Conv layers, brought into this package's form.

The authors' GluonCV layer stores D in our layout, (M·N, D_mul, C_in), but with groups it pairs D with the
input channels in another order. Their PyTorch layer stores ``W`` of shape (C_out, C_in/groups, D_mul), ``D``
of shape (C_in, M·N, D_mul) and the constant ``d_diag`` or ``D_diag``; with groups, the D an output channel
meets there depends on the output channel as well, which no D of ours can express.
"""

from __future__ import annotations

import os
from math import prod
from typing import Any, Mapping

import mxnet as mx
import numpy as np
from mxnet.gluon import Block
from mxnet.gluon.parameter import Parameter

from ..core import kernel
from ..core.arguments import a_network, a_path, a_path_or_arrays, takes
from ..core.convert import require_doconv
from ..errors import DOConvError
from .fold import find_pairs
from .params import read_params, write_params
from .torch_state import read_state_dict

# PyTorch's name of an array in a layer → Gluon's
TORCH_NAMES = {
    "W": "weight",
    "D": "D",
    "weight": "weight",
    "bias": "bias",
    "running_mean": "running_mean",
    "running_var": "running_var",
}
TORCH_BATCH_NORM = {"weight": "gamma", "bias": "beta"}
IDENTITIES = ("d_diag", "D_diag")  # in do_conv_pytorch_1_10.py, and in do_conv_pytorch.py
TORCH_IGNORED = ("num_batches_tracked", *IDENTITIES)


@takes(source=a_path, target=a_path)
def import_published(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[str]:
    """Turn a ``.params`` file of the published GluonCV layer into one of this package.

    For groups = 1 and groups = C_in the two are the same. Between, the published layer multiplies the input
    channel at position i of group j with ``D[:, :, i·groups + j]``; here that is
    ``D[:, :, j·C_in/groups + i]``, so the channels of D are reordered. What a layer computes stays the same.

    Parameters
    ----------
    source, target : path
        ``target`` is written atomically, and may be ``source``.

    Returns
    -------
    list of str
        The names of the DO-Conv layers.

    Raises
    ------
    DOConvError
        If ``source`` has no DO-Conv layer; nothing is written then.

    Examples
    --------
    >>> arrays = {"conv.weight": mx.nd.ones((8, 4, 3, 3)), "conv.D": mx.nd.zeros((9, 9, 4))}
    >>> mx.nd.save("published.params", arrays)
    >>> doconv.import_published("published.params", "ours.params")
    ['conv']
    """
    arrays = read_params(source)
    pairs = find_pairs(arrays)
    if not pairs:
        raise DOConvError(f"{source} has no D beside any weight: it is no checkpoint of DO-Conv layers")
    for pair in pairs:
        arrays[pair.d] = _natural_channels(arrays[pair.d], arrays[pair.weight].shape[1])
    write_params(target, arrays)
    return [pair.layer for pair in pairs]


def _natural_channels(d: mx.nd.NDArray, group_in_channels: int) -> mx.nd.NDArray:
    by_position = d.reshape((-1, group_in_channels, d.shape[-1] // group_in_channels))
    return by_position.transpose((0, 2, 1)).reshape(d.shape)


@takes(source=a_path_or_arrays, target=a_path, net=a_network)
def import_pytorch(
    source: str | os.PathLike[str] | Mapping[str, Any], target: str | os.PathLike[str], net: Block
) -> list[str]:
    """Turn a PyTorch checkpoint with the authors' DO-Conv layers into a ``.params`` file of a network.

    The layers of the two networks are matched in the order in which each lists its parameters, and every
    shape is checked; the names of PyTorch's layers are not used.

    Parameters
    ----------
    source : path, or mapping of str to array
        A state dict, which is arrays by name; a training checkpoint that holds one, as ``state_dict``,
        ``model`` or ``net``; or a file of either (needs PyTorch 1.13 or later, for ``weights_only``).
    target : path
        The ``.params`` file to write, atomically.
    net : Block
        A DO-Conv network of the same architecture, over-parameterized in the same layers; its values are not
        used and not changed. It has to know its shapes: give ``in_channels``, or run it once.

    Returns
    -------
    list of str
        The names of the DO-Conv layers.

    Raises
    ------
    DOConvError
        If the two networks do not match, naming the first layer that does not, or if a layer has more than
        one group with more than one output channel each; nothing is written then.

    Examples
    --------
    >>> net = mx.gluon.nn.HybridSequential()
    >>> net.add(doconv.DOConv2D(8, 3, in_channels=4, use_bias=False))
    >>> state = {"conv.W": mx.nd.ones((8, 4, 9)).asnumpy(), "conv.D": mx.nd.zeros((4, 9, 9)).asnumpy()}
    >>> doconv.import_pytorch(state, "imported.params", net)
    ['0']
    """
    require_doconv(net)
    state = read_state_dict(source)
    layers = _by_layer(state)
    expected = _by_layer(net._collect_params_with_prefix())
    if len(layers) != len(expected):
        raise DOConvError(
            f"the checkpoint has {len(layers)} layers with parameters and {net.name} has {len(expected)}"
        )
    arrays: dict[str, mx.nd.NDArray] = {}
    for (torch_layer, found), (layer, parameters) in zip(layers.items(), expected.items()):
        for name, value in _converted(torch_layer, found).items():
            _require_shape(torch_layer, layer, name, value, parameters)
            arrays[_joined(layer, name)] = mx.nd.array(value.reshape(parameters[name].shape), dtype=value.dtype)
        missing = set(parameters) - {name for name in parameters if _joined(layer, name) in arrays}
        if missing:
            raise DOConvError(f"{torch_layer} has no {sorted(missing)}, which {layer} of {net.name} needs")
    write_params(target, arrays)
    return [layer for layer, parameters in expected.items() if "D" in parameters]


def _by_layer(named: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Named arrays as {layer: {name in the layer: array}}, in order."""
    layers: dict[str, dict[str, Any]] = {}
    for name, value in named.items():
        layer, _, own = name.rpartition(".")
        layers.setdefault(layer, {})[own] = value
    return layers


def _joined(layer: str, name: str) -> str:
    return f"{layer}.{name}" if layer else name


def _converted(layer: str, arrays: Mapping[str, kernel.Array]) -> dict[str, kernel.Array]:
    """One layer's arrays under Gluon's names and in this package's layout."""
    names = {**TORCH_NAMES, **(TORCH_BATCH_NORM if "running_mean" in arrays else {})}
    unknown = [name for name in arrays if name not in names and name not in TORCH_IGNORED]
    if unknown:
        raise DOConvError(f"{layer}.{unknown[0]}: no known array of a convolution, batch norm or dense layer")
    converted = {names[name]: value for name, value in arrays.items() if name not in TORCH_IGNORED}
    if "D" in arrays:
        converted["D"] = _stored_d(layer, arrays)
    return converted


def _stored_d(layer: str, arrays: Mapping[str, kernel.Array]) -> kernel.Array:
    """Ours, D' = D − I of shape (M·N, D_mul, C_in), from PyTorch's D and d_diag of shape (C_in, M·N, D_mul)."""
    if "W" not in arrays or {arrays["W"].ndim, arrays["D"].ndim} != {3} or not arrays["W"].size:
        raise DOConvError(f"{layer} has a D, and no W and D of three axes each, as the published layer has")
    in_channels, patch, d_mul = arrays["D"].shape
    out_channels, group_in_channels = arrays["W"].shape[:2]
    groups = in_channels // group_in_channels
    if groups > 1 and out_channels != groups:
        raise DOConvError(
            f"{layer} has {groups} groups of {out_channels // groups} output channels each. There the "
            "published PyTorch layer pairs D with input channels differently for each output channel of a "
            "group, which is not depthwise over-parameterization of the input (equation 4): no one D does "
            "the same. Fold this layer in PyTorch and import its plain kernel."
        )
    identity = kernel.identity(patch, d_mul, arrays["D"].dtype)
    constant = next((arrays[name] for name in IDENTITIES if name in arrays), identity[None])
    if constant.shape[-2:] != identity.shape or constant.ndim != 3 or len(constant) not in (1, in_channels):
        raise DOConvError(
            f"{layer}: its constant of shape {constant.shape} does not fit a D of {arrays['D'].shape}"
        )
    total = arrays["D"] + constant
    return np.ascontiguousarray((total - identity).transpose(1, 2, 0))


def _require_shape(
    torch_layer: str, layer: str, name: str, value: kernel.Array, parameters: Mapping[str, Parameter]
) -> None:
    if name not in parameters:
        raise DOConvError(f"{torch_layer}.{name}: {layer}, which comes at its place, has no {name}")
    shape = parameters[name].shape
    if 0 in shape:
        raise DOConvError(
            f"{layer}.{name}: its shape is not known yet; give in_channels, or run the network once"
        )
    if name == "D":
        shape = (prod(shape[:-2]), *shape[-2:])
    if value.size != np.prod(shape) or value.shape[: min(2, value.ndim)] != shape[: min(2, value.ndim)]:
        raise DOConvError(f"{torch_layer}.{name} is {value.shape}; {layer}.{name} is {shape}")

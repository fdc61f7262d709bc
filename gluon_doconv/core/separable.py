"""Depthwise-separable convolution: trained by kernel composition, deployed by feature composition (section 3).

A DO-Conv layer with D_mul < M·N *is* a depthwise-separable convolution. While it trains it is one convolution
with the composed kernel, which suits a GPU; :func:`separate` takes it apart into a depthwise and a pointwise
convolution, which have fewer multiply-accumulates and suit an edge device. Both compute the same.
"""

from __future__ import annotations

from math import prod
from typing import Iterator

import mxnet as mx
from mxnet.gluon import Block, HybridBlock, nn

from ..errors import DOConvError
from . import kernel
from .arguments import a_network, takes
from .arrays import require_finite, snapshot
from .composing import composing_of
from .layers import plain_class
from .owners import forget_graphs_with
from .parameters import first_copy, is_initialized


@takes(net=a_network)
def separate(net: Block) -> list[str]:
    """Replace every depthwise-separable layer of a network by two plain ones, in place. For deployment.

    A DO-Conv layer with D_mul < M·N becomes a depthwise and a pointwise convolution (section 3 of the paper)
    wherever a block of the network holds it as a child or an attribute. Layers with D_mul ≥ M·N are left for
    :func:`~gluon_doconv.fold`. A Trainer of the network goes on with the old layers.

    Parameters
    ----------
    net : Block
        A network that holds such layers.

    Returns
    -------
    list of str
        The structural names of the layers that were replaced.

    Raises
    ------
    DOConvError
        If there is no such layer, or one has no values, or values that are not finite; nothing is changed then.

    Examples
    --------
    >>> net = mx.gluon.nn.HybridSequential()
    >>> net.add(doconv.DOConv2D(8, 3, in_channels=4, d_mul=1, d_initializer="he"))
    >>> net.initialize()
    >>> images = mx.nd.random.normal(shape=(1, 4, 16, 16))
    >>> trained = net(images).asnumpy()
    >>> doconv.separate(net)
    ['0']
    >>> bool(abs(net(images).asnumpy() - trained).max() < 1e-5)
    True
    """
    found = list(_separable(net, ""))
    if not found:
        raise DOConvError(
            f"{net.name} has no layer with D_mul < M·N inside it; over-parameterized layers are to be folded"
        )
    replacements = {id(layer): separate_layer(layer) for _, _, layer in found}
    for _, parent, layer in found:
        _replace(parent, layer, replacements[id(layer)])
    forget_graphs_with([parent for _, parent, _ in found])
    return [name for name, _, _ in found]


def separate_layer(layer: HybridBlock) -> nn.HybridSequential:
    """The depthwise and the pointwise convolution that a DO-Conv layer stands for, as plain Gluon layers.

    The first has C_in groups, C_in·D_mul channels and the layer's strides, padding and dilation; the second has
    its groups, bias and activation. ``layer`` is not changed, and may have any D_mul.

    Raises
    ------
    DOConvError
        If ``layer`` is no DO-Conv layer, or has no values yet, or values that are not finite.
    """
    if composing_of(layer) is None:
        raise DOConvError(f"{layer.name} is a {type(layer).__name__}, not a DO-Conv layer")
    if not is_initialized(layer.weight):
        raise DOConvError(f"{layer.name} has no values yet: initialise it and run one batch")
    for parameter in (layer.weight, layer.D):
        require_finite(first_copy(parameter), parameter.name)
    depthwise, pointwise = _plain_layers(layer)
    pair = nn.HybridSequential(prefix=layer.prefix)
    pair.add(depthwise, pointwise)
    return pair


def _plain_layers(layer: HybridBlock) -> tuple[HybridBlock, HybridBlock]:
    kwargs, plain = layer._kwargs, plain_class(layer)
    *_, d_mul, in_channels = layer.D.shape
    weight, d = snapshot(first_copy(layer.weight)), snapshot(first_copy(layer.D))
    kernels = kernel.separate(weight, d, kwargs["kernel"])
    depthwise = plain(
        in_channels * d_mul,
        kwargs["kernel"],
        kwargs["stride"],
        kwargs["pad"],
        kwargs["dilate"],
        groups=in_channels,
        layout=kwargs["layout"],
        use_bias=False,
        in_channels=in_channels,
        prefix=f"{layer.prefix}depthwise_",
    )
    pointwise = plain(
        kwargs["num_filter"],
        1,
        groups=kwargs["num_group"],
        layout=kwargs["layout"],
        use_bias=layer.bias is not None,
        in_channels=in_channels * d_mul,
        prefix=f"{layer.prefix}pointwise_",
    )
    pointwise.act = layer.act
    for plain_layer, values in zip((depthwise, pointwise), kernels):
        plain_layer.cast(layer.weight.dtype)
        plain_layer.initialize(ctx=layer.weight.list_ctx())
        plain_layer.weight.set_data(mx.nd.array(values, dtype=values.dtype))
    if layer.bias is not None:
        pointwise.bias.set_data(first_copy(layer.bias))
    return depthwise, pointwise


def _separable(block: Block, path: str) -> Iterator[tuple[str, Block, HybridBlock]]:
    """Structural name, holder and layer of every child with D_mul < M·N; one that is held twice comes twice."""
    for name, child in block._children.items():
        here = f"{path}.{name}" if path else name
        composing = composing_of(child)
        if composing is not None and composing.d_mul < prod(child._kwargs["kernel"]):
            yield here, block, child
        else:
            yield from _separable(child, here)


def _replace(parent: Block, layer: Block, replacement: Block) -> None:
    for held in (parent._children, parent.__dict__):
        for name in [name for name, value in held.items() if value is layer]:
            held[name] = replacement

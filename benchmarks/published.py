"""The published formulation of the DO-Conv layer, written from its description: the baseline to be faster than.

W and D are brought to TensorFlow's axis order and tiled to (M·N, D_mul, C_in, C_out), multiplied, and summed
over D_mul. The identity is tiled over the input channels and added to D in every step. C_in has to be given.
"""

from __future__ import annotations

from math import prod
from types import ModuleType
from typing import Any, Sequence

from mxnet.gluon import Block, nn


def compose(
    F: ModuleType, weight: Any, d: Any, channels: int, in_channels: int, kernel_size: Sequence[int]
) -> Any:
    """W' of shape (C_out, C_in, M, N) from ``weight`` of that shape and ``d`` of (M·N, M·N, C_in)."""
    patch = prod(kernel_size)
    identity = F.tile(F.expand_dims(F.eye(patch), axis=2), reps=(1, 1, in_channels))
    total = F.tile(F.expand_dims(d + identity, axis=3), reps=(1, 1, 1, channels))
    w = F.transpose(F.reshape(weight, shape=(channels, in_channels, patch)), axes=(2, 1, 0))
    w = F.tile(F.expand_dims(w, axis=0), reps=(patch, 1, 1, 1))
    kernel = F.transpose(F.sum(total * w, axis=1), axes=(2, 1, 0))
    return F.reshape(kernel, shape=(channels, in_channels, *kernel_size))


class PublishedDOConv2D(nn.Conv2D):
    """A convolution that composes its kernel the published way; one group, D_mul = M·N.

    Parameters are those of ``nn.Conv2D``, of which ``in_channels`` is required.
    """

    def __init__(self, channels: int, kernel_size: Any, *args: Any, in_channels: int, **kwargs: Any) -> None:
        super().__init__(channels, kernel_size, *args, in_channels=in_channels, **kwargs)
        patch = prod(self._kwargs["kernel"])
        self.D = self.params.get("D", shape=(patch, patch, in_channels), init="zeros")

    def hybrid_forward(self, F: ModuleType, x: Any, weight: Any, bias: Any = None, D: Any = None) -> Any:
        """The plain convolution with W' as its kernel."""
        out_channels, in_channels = self.weight.shape[:2]
        composed = compose(F, weight, D, out_channels, in_channels, self._kwargs["kernel"])
        return super().hybrid_forward(F, x, composed, bias)


def publish(block: Block) -> None:
    """Let each spatial convolution of ``block``, which has run once, compose its kernel the published way."""
    for name, child in list(block._children.items()):
        if isinstance(child, nn.Conv2D) and prod(child._kwargs["kernel"]) > 1:
            layer = _published(child)
            if getattr(block, name, None) is child:
                setattr(block, name, layer)
            block._children[name] = layer
        else:
            publish(child)


def _published(plain: nn.Conv2D) -> PublishedDOConv2D:
    kwargs = plain._kwargs
    if kwargs["num_group"] != 1:
        raise ValueError(f"{plain.name}: the published formulation is benchmarked with one group only")
    layer = PublishedDOConv2D(
        kwargs["num_filter"],
        kwargs["kernel"],
        kwargs["stride"],
        kwargs["pad"],
        kwargs["dilate"],
        in_channels=plain.weight.shape[1],
        use_bias=not kwargs["no_bias"],
    )
    layer.initialize()
    layer.weight.set_data(plain.weight.data())
    if plain.bias is not None:
        layer.bias.set_data(plain.bias.data())
    return layer

"""The forward of an over-parameterized convolution: compose the kernel, then convolve as the plain layer does.

The class of the layer stays what it was: ``HybridBlock`` calls ``self.hybrid_forward(F, x, **parameters)``,
so one instance can carry a forward of its own.
"""

from __future__ import annotations

from math import prod
from typing import Any

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..errors import DOConvError
from . import operators
from .kernel import Geometry
from .macc import macc, output_shape
from .parameters import resize
from .semantics import as_in_force, classic


class Composing:
    """What is called in place of the ``hybrid_forward`` of ``layer``, which holds it.

    Attributes
    ----------
    d_mul : the depth multiplier
    composition : ``'kernel'``, ``'feature'`` or ``'auto'``
    """

    def __init__(self, layer: HybridBlock, d_mul: int, composition: str) -> None:
        self._layer = layer
        self.d_mul = d_mul
        self.composition = composition
        self._input_shape: tuple[int, ...] | None = None

    def forward(self, x: Any, *args: Any) -> Any:
        """Learn C_in and the size of the maps from data, so that no graph need infer them; then go on."""
        if isinstance(x, mx.nd.NDArray):
            self._input_shape = x.shape
            if not self._knows_in_channels:
                self._set_in_channels(x.shape[1])
        return type(self._layer).forward(self._layer, x, *args)

    def _set_in_channels(self, in_channels: int) -> None:
        layer, groups = self._layer, self.geometry.groups
        if in_channels % groups:
            raise DOConvError(
                f"{layer.name}: groups={groups} does not divide the input's {in_channels} channels"
            )
        channels, _, *tail = layer.weight._shape
        resize(layer.weight, (channels, in_channels // groups, *tail))
        resize(layer.D, self.geometry.d_shape(in_channels))

    @property
    def geometry(self) -> Geometry:
        """What composition has to know of the layer."""
        kwargs = self._layer._kwargs
        return Geometry(kwargs["num_filter"], tuple(kwargs["kernel"]), kwargs["num_group"], self.d_mul)

    def __call__(self, F: Any, x: Any, weight: Any, bias: Any = None, D: Any = None) -> Any:
        """Compute what the plain layer computes with the composed kernel W'."""
        if self._chosen(x) == "kernel":
            with classic(x, weight, D) as arrays:
                kernel = self._compose(F, *arrays)
            return type(self._layer).hybrid_forward(self._layer, F, x, as_in_force(kernel), bias)
        with classic(x, weight, D, *([] if bias is None else [bias])) as arrays:
            features = self._compose_features(F, *arrays)
        y = as_in_force(features)
        return y if self._layer.act is None else self._layer.act(y)

    def _compose(self, F: Any, x: Any, weight: Any, d: Any) -> Any:
        """W'; ``x`` is looked at where only the data knows C_in."""
        dtype, d = self._layer.weight.dtype, operators.flattened(F, d, self.geometry)
        if F is mx.nd and self._layer.weight.adds_gradients:  # which the native operator leaves to copies
            weight, d = F.identity(weight), F.identity(d)
        if self._knows_in_channels:
            return operators.compose_as(dtype, F, weight, d, self.geometry)
        return operators.compose_inferring(dtype, F, x, weight, d, self.geometry)

    def _compose_features(self, F: Any, x: Any, weight: Any, d: Any, bias: Any = None) -> Any:
        layer = self._layer
        if not self._knows_in_channels:
            raise DOConvError(
                f"{layer.name}: composition='feature' has to know C_in when the graph is traced: give "
                "in_channels, or run the network once before it is hybridized"
            )
        d = operators.flattened(F, d, self.geometry)
        placed = {key: layer._kwargs[key] for key in ("stride", "dilate", "pad", "layout")}
        in_channels = layer.D._shape[-1]
        return operators.feature_composition(F, x, weight, d, bias, self.geometry, in_channels, **placed)

    @property
    def _knows_in_channels(self) -> bool:
        shape: tuple[int, ...] = self._layer.D._shape
        return min(shape) > 0

    def _chosen(self, x: Any) -> str:
        """The composition for an input: of ``'auto'``, the one of fewer MACCs for the input's size."""
        if self.composition != "auto":
            return self.composition
        shape = _shape_of(x) or self._input_shape
        if shape is None or not self._knows_in_channels:
            return "kernel"
        sizes = (self._layer._kwargs[key] for key in ("kernel", "stride", "pad", "dilate"))
        positions = prod(output_shape(shape[2:], *sizes))
        return macc(self.geometry, self._layer.D._shape[-1], positions).cheaper


def composing_of(layer: HybridBlock) -> Composing | None:
    """The :class:`Composing` that an over-parameterized layer carries; None for any other layer."""
    forward = vars(layer).get("hybrid_forward")
    return forward if isinstance(forward, Composing) else None


def _shape_of(x: Any) -> tuple[int, ...] | None:
    """The shape of an array, or of a symbol whose graph tells it; None for any other symbol."""
    shape: tuple[int, ...]
    if isinstance(x, mx.nd.NDArray):
        shape = x.shape
        return shape
    try:
        _, outputs, _ = x.infer_shape_partial()
    except mx.MXNetError:  # the matrix product of an earlier layer refuses shapes that are half known
        return None
    shape = outputs[0] if outputs else ()
    return shape if shape and min(shape[2:], default=1) > 0 else None

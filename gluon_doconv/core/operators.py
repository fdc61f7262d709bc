"""DO-Conv as MXNet operators; ``F`` is ``mx.nd`` or ``mx.sym``. Arrays on a CPU have an operator of their own.

Every function takes a :class:`Geometry` and the trained arrays: ``weight`` of shape
(C_out, C_in/groups, D_mul), or (C_out, C_in/groups, M, N) where D_mul = M·N, and ``d`` of shape
(M·N, D_mul, C_in), to which :func:`flattened` brings it. Layers train with these operators and fold with the
very same ones, so that a folded kernel is bitwise the one that was trained.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Sequence

import mxnet as mx
import numpy as np

from ..native.operator import DTYPES, operator
from .kernel import Geometry

Tensor = Any  # an mx.nd.NDArray or an mx.sym.Symbol, whichever F works on


def compose(F: ModuleType, weight: Tensor, d: Tensor, geometry: Geometry) -> Tensor:
    """Kernel composition (equations 3 and 4): one batched matrix product, W' = W·(D' + I)ᵀ.

    Every input channel is one matrix of the batch, contiguous in memory: transposing W and W' costs less than
    striding through them does, above all in the backward pass. The arrays are in single or double precision.
    D' = 0 gives W, or what it was expanded from, bitwise.
    """
    native = operator() if F is mx.nd and _is_for_native(weight, d) else None
    if native is not None:
        return native(weight, d, geometry.kernel_size)
    groups, channels = geometry.groups, geometry.channels
    w = F.transpose(weight, axes=_first_two_swapped(geometry.weight_tail))
    w = F.reshape(w, shape=(-1, channels // groups, geometry.d_mul))
    total = F.transpose(F.reshape(d, shape=(0, 0, -4, groups, -1)), axes=(3, 2, 0, 1))
    total = F.broadcast_add(F.reshape(total, shape=(-3, 0, 0)), _identity(F, d, geometry))
    kernel = F.linalg.gemm2(w, total, transpose_b=True)
    kernel = F.reshape(kernel, shape=(-1, channels, *geometry.kernel_size))
    return F.transpose(kernel, axes=_first_two_swapped(geometry.kernel_size))


def _is_for_native(weight: mx.nd.NDArray, d: mx.nd.NDArray) -> bool:
    dtypes = {np.dtype(array.dtype).name for array in (weight, d)}
    return weight.context.device_type == "cpu" and len(dtypes) == 1 and dtypes <= {*DTYPES}


def _first_two_swapped(tail: tuple[int, ...]) -> tuple[int, ...]:
    return (1, 0, *range(2, 2 + len(tail)))


def _identity(F: ModuleType, d: Tensor, geometry: Geometry) -> Tensor:
    """I of shape (1, M·N, D_mul), as :func:`~gluon_doconv.core.kernel.identity` has it, in the dtype of ``d``.

    ``F.eye`` would have a dtype of its own, and AMP cannot wrap an operator without inputs.
    """
    kernel_area, d_mul = geometry.kernel_area, geometry.d_mul
    column = F.reshape(F.slice(d, begin=(0, 0, 0), end=(kernel_area, 1, 1)), shape=(kernel_area,))
    square = F.BlockGrad(F.diag(F.ones_like(column)))
    if d_mul == kernel_area:
        return F.expand_dims(square, axis=0)
    tiles = F.concat(*[square] * max(1, d_mul // kernel_area), F.zeros_like(square), dim=1)
    return F.expand_dims(F.slice_axis(tiles, axis=1, begin=0, end=d_mul), axis=0)


def fold(weight: Tensor, d: Tensor, kernel_size: Sequence[int]) -> Tensor:
    """The plain kernel W' of two arrays alone, bitwise what :func:`compose` gives with as many threads.

    ``weight`` and ``d`` are NDArrays of one floating-point dtype; the result has it too.
    """
    geometry = Geometry.of(weight.shape, d.shape, kernel_size)
    return compose_as(weight.dtype, mx.nd, weight, flattened(mx.nd, d, geometry), geometry)


def flattened(F: ModuleType, d: Tensor, geometry: Geometry) -> Tensor:
    """``d`` of shape (M·N, D_mul, C_in), where it is kept as (1, M, N, D_mul, C_in)."""
    if geometry.d_mul == geometry.kernel_area:
        return d
    return F.reshape(d, shape=(geometry.kernel_area, geometry.d_mul, -1))


def compose_as(dtype: Any, F: ModuleType, weight: Tensor, d: Tensor, geometry: Geometry) -> Tensor:
    """:func:`compose` for any dtype: in half precision by way of float32.

    The matrix product exists in single and double precision only.
    """
    if np.dtype(dtype) != np.float16:
        return compose(F, weight, d, geometry)
    single_weight, single_d = (F.cast(array, dtype="float32") for array in (weight, d))
    return F.cast(compose(F, single_weight, single_d, geometry), dtype="float16")


def compose_inferring(
    dtype: Any, F: ModuleType, x: Tensor, weight: Tensor, d: Tensor, geometry: Geometry
) -> Tensor:
    """:func:`compose_as` for a graph in which only the data ``x`` will know C_in.

    The shapes of ``weight`` and ``d`` are tied to that of ``x`` by operators that infer both ways and
    cost nothing beyond a few small zeros, so that they resolve inside any outer graph.
    """
    kernel_area, d_mul = geometry.kernel_area, geometry.d_mul
    if d_mul != kernel_area:
        weight = _shaped_like(F, weight, _zeros_of_weight(F, x, geometry))
    zeros = F.tile(_channel_zeros(F, weight, len(geometry.weight_tail)), reps=(1, 1, geometry.groups))
    d = F.elemwise_add(d, F.broadcast_axis(zeros, axis=(0, 1), size=(kernel_area, d_mul)))
    composed = compose_as(dtype, F, weight, d, geometry)
    return _shaped_like(F, composed, weight) if d_mul == kernel_area else composed


def _zeros_of_weight(F: ModuleType, x: Tensor, geometry: Geometry) -> Tensor:
    """Zeros of the shape (C_out, C_in/groups, D_mul), C_in read from ``x``."""
    zeros = F.reshape(_channel_zeros(F, x, len(geometry.kernel_size)), shape=(geometry.groups, -1, 1))
    one_group = F.slice_axis(zeros, axis=0, begin=0, end=1)
    return F.broadcast_axis(one_group, axis=(0, 2), size=(geometry.channels, geometry.d_mul))


def _channel_zeros(F: ModuleType, x: Tensor, tail_axes: int) -> Tensor:
    """Zeros of shape (1, 1, second axis of ``x``)."""
    one = F.slice_axis(x, axis=0, begin=0, end=1)
    zeros = F.sum(F.zeros_like(one), axis=tuple(range(2, 2 + tail_axes)))
    return F.expand_dims(zeros, axis=0)


def _shaped_like(F: ModuleType, x: Tensor, other: Tensor) -> Tensor:
    """``x`` unchanged; shape inference learns that both have one shape, whichever it knows first."""
    return F._internal._identity_with_attr_like_rhs(x, other)


def feature_composition(
    F: ModuleType,
    x: Tensor,
    weight: Tensor,
    d: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
    in_channels: int,
    **patch_kwargs: Any,
) -> Tensor:
    """Feature composition (equation 3, Fig. 3-a): a depthwise convolution with D, then a 1×1 with W.

    ``patch_kwargs`` are the keywords of ``F.Convolution`` that place the patch: stride, dilate, pad,
    layout. Channel c of ``x`` becomes the D_mul channels c·D_mul … of the feature.
    """
    d_mul = geometry.d_mul
    identity = F.reshape(_identity(F, d, geometry), shape=(geometry.kernel_area, d_mul, 1))
    total = F.broadcast_add(d, identity)
    depthwise = F.reshape(
        F.transpose(total, axes=(2, 1, 0)), shape=(in_channels * d_mul, 1, *geometry.kernel_size)
    )
    feature = F.Convolution(
        x,
        depthwise,
        kernel=geometry.kernel_size,
        num_filter=in_channels * d_mul,
        num_group=in_channels,
        no_bias=True,
        **patch_kwargs,
    )
    ones = (1,) * len(geometry.kernel_size)
    pointwise = F.reshape(weight, shape=(geometry.channels, -1, *ones))
    return F.Convolution(
        feature,
        pointwise,
        *([] if bias is None else [bias]),
        kernel=ones,
        num_filter=geometry.channels,
        num_group=geometry.groups,
        no_bias=bias is None,
        name="fwd",
    )

"""Which of the two compositions is the cheaper, for the input a layer meets (section 3 of the paper)."""

from __future__ import annotations

from math import prod
from typing import Any

import mxnet as mx
from mxnet.gluon import HybridBlock

from .kernel import Geometry
from .macc import macc, output_shape


def choose_composition(layer: HybridBlock, x: Any, geometry: Geometry) -> str:
    """Return what ``layer`` was told; for ``'auto'`` count the MACCs of both on an input of the size of ``x``.

    ``'kernel'`` where a graph is traced without knowing that size, or C_in.

    Parameters
    ----------
    layer : a DO-Conv layer
    x : what it is called with, an array or a symbol
    geometry : of its kernel
    """
    if layer._composition != "auto":
        return layer._composition
    shape = _shape_of(x) or layer._input_shape
    if shape is None or 0 in layer.D.shape:
        return "kernel"
    kwargs = layer._kwargs
    positions = output_shape(shape[2:], kwargs["kernel"], kwargs["stride"], kwargs["pad"], kwargs["dilate"])
    return macc(geometry, layer.D.shape[2], prod(positions)).cheaper


def _shape_of(x: Any) -> tuple[int, ...] | None:
    """Return the shape of an array, or of a symbol if its graph tells; None if not."""
    if isinstance(x, mx.nd.NDArray):
        return x.shape
    try:
        _, outputs, _ = x.infer_shape_partial()
    except mx.MXNetError:  # the matrix product of an earlier layer refuses shapes that are half known
        return None
    shape = outputs[0] if outputs else ()
    return shape if shape and 0 not in shape[2:] else None

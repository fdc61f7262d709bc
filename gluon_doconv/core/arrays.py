"""Arrays of a network: read while it may still be computing with them, and checked before they are folded."""

from __future__ import annotations

from typing import Sequence

import mxnet as mx
import numpy as np

from ..errors import DOConvError
from . import operators
from .kernel import Array
from .semantics import classic


def snapshot(array: mx.nd.NDArray) -> Array:
    """The values of ``array``, also while a network is still computing with it.

    ``asnumpy`` alone does not wait for operators that read: under oneDNN a convolution of an inference that
    has not ended may be moving its weight into another layout meanwhile, and values come out in disorder.
    The engine keeps a copy apart from that.
    """
    values: Array = array.copy().asnumpy()
    return values


def fold_checked(
    weight: mx.nd.NDArray, d: mx.nd.NDArray, kernel_size: Sequence[int], weight_name: str, d_name: str
) -> mx.nd.NDArray:
    """Fold W and D into W', refusing values that are not finite.

    Raises
    ------
    DOConvError
        Naming the parameter that holds a NaN or an infinity, or saying that W' overflows, or if they are not
        both float16, float32 or float64.
    """
    _require_one_floating_type(weight, d, weight_name, d_name)
    require_finite(weight, weight_name)
    require_finite(d, d_name)
    with mx.autograd.pause(), classic(weight, d) as arrays:
        folded = operators.fold(arrays[0], arrays[1], kernel_size)
    require_finite(folded, f"W' of {weight_name}")
    return folded


def _require_one_floating_type(weight: mx.nd.NDArray, d: mx.nd.NDArray, weight_name: str, d_name: str) -> None:
    found = np.dtype(weight.dtype), np.dtype(d.dtype)
    if found[0] != found[1] or found[0].kind != "f":
        kinds = " and ".join((one.names or (one.name,))[0] for one in found)
        raise DOConvError(f"{weight_name} and {d_name} are {kinds}: convert both to float32 before folding")


def require_finite(array: mx.nd.NDArray, name: str) -> None:
    """Raise :class:`DOConvError`, naming the array, if it holds a NaN or an infinity."""
    bad = int(np.count_nonzero(~np.isfinite(snapshot(array))))
    if bad:
        raise DOConvError(
            f"{name}: {bad} of {array.size} values are not finite; nothing was changed. "
            "Training diverged before this point: fold an earlier checkpoint."
        )

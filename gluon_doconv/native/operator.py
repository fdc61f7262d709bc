"""The operator in this process: loaded into MXNet when it is first asked for, and called.

MXNet's own ``mx.library.load`` would make every function of ``mx.nd`` and ``mx.sym`` anew, and so lose what AMP
and others have put in their places.
"""

from __future__ import annotations

import ctypes
import os
import threading
from dataclasses import dataclass
from typing import Sequence

import mxnet as mx
from mxnet.base import _LIB, c_str, check_call
from mxnet.ndarray._internal import _imperative_invoke

from .build import UnavailableError, library

NAME = "doconv_compose"
SWITCH = "GLUON_DOCONV_NATIVE"  # 0 turns the operator off
DTYPES = ("float32", "float64")
TURN = (1,)  # the shape of what compositions hand on to each other, so that MXNet goes back layer by layer


@dataclass(frozen=True)
class Operator:
    """The loaded operator.

    Attributes
    ----------
    path : of the library it was loaded from
    """

    path: str
    handle: int

    def __call__(self, weight: mx.nd.NDArray, d: mx.nd.NDArray, kernel_size: Sequence[int]) -> mx.nd.NDArray:
        """W' of two NDArrays on a CPU of one dtype, float32 or float64; gradients are written, not added."""
        keys, values = zip(*attributes(kernel_size).items())
        turn = mx.nd.zeros(TURN, ctx=weight.context)
        _, kernel = _imperative_invoke(self.handle, [weight, d, turn], keys, values, None, False, False)
        return kernel


def attributes(kernel_size: Sequence[int]) -> dict[str, str]:
    """The attributes of a node of this operator."""
    return {"kernel": " ".join(map(str, kernel_size))}


_loading = threading.Lock()
_loaded: list[Operator | str] = []


def operator() -> Operator | None:
    """Return the operator; None where it is turned off or cannot be had, and MXNet's own do its work."""
    found = _operator_or_reason()
    return found if isinstance(found, Operator) else None


def in_force() -> str:
    """Say what composes kernels on CPUs, and if it is not the operator, why."""
    found = _operator_or_reason()
    return f"one operator, {found.path}" if isinstance(found, Operator) else f"MXNet's operators: {found}"


def _operator_or_reason() -> Operator | str:
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0"
    with _loading:
        if not _loaded:
            _loaded.append(_load())
        return _loaded[0]


def _load() -> Operator | str:
    try:
        path = str(library())
        check_call(_LIB.MXLoadLib(c_str(path), mx.base.mx_uint(0)))
    except (UnavailableError, mx.MXNetError) as error:
        return str(error).strip().splitlines()[-1]
    handle = ctypes.c_void_p()
    check_call(_LIB.NNGetOpHandle(c_str(NAME), ctypes.byref(handle)))
    return Operator(path, handle.value or 0)

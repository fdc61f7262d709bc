"""Arrays under NumPy semantics (``mx.npx.set_np``), for operators that know ``mx.nd`` and ``mx.sym`` alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

from mxnet.util import is_np_array, np_array


@contextmanager
def classic(*arrays: Any) -> Iterator[list[Any]]:
    """Hand on arrays or symbols as ``mx.nd`` and ``mx.sym`` know them; NumPy semantics are off in the block."""
    with np_array(False):
        yield [array.as_nd_ndarray() for array in arrays]


def as_in_force(array: Any) -> Any:
    """Turn what a :func:`classic` block has made into an array or symbol of the semantics in force."""
    return array.as_np_ndarray() if is_np_array() else array.as_nd_ndarray()

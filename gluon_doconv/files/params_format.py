"""The format of a ``.params`` file: written, and checked before MXNet reads it.

MXNet believes the numbers it finds there: a damaged count or shape makes it run for hours, or ask for all
the memory there is. And its writer does not say when the disk is full. The format is that of ``NDArray::Save``
(src/ndarray/ndarray.cc).
"""

from __future__ import annotations

import os
import struct
from math import prod
from typing import Any, BinaryIO, Iterator, Mapping

import mxnet as mx

LIST = 0x112
UNDER_NUMPY_SEMANTICS = 0xF993FACA
WITH_STORAGE_TYPE = (0xF993FAC9, UNDER_NUMPY_SEMANTICS)
WITH_LONG_SHAPE = 0xF993FAC8
DENSE = 0
MOST_AXES = 32
MOST_ARRAYS = 1 << 16  # of a network; more would only take time
DEVICES = (1, 2, 3, 5)  # by MXNet's number for a kind of device
ITEM_SIZES = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1, 8: 2, 12: 2}  # by MXNet's number for a dtype


def content(arrays: Mapping[str, mx.nd.NDArray]) -> Iterator[bytes]:
    """Write named arrays as ``mx.nd.save`` does, to the byte, piece by piece."""
    yield struct.pack("<QQQ", LIST, 0, len(arrays))
    for array in arrays.values():
        yield bytes(array.__getstate__()["handle"])
    yield struct.pack("<Q", len(arrays))
    for name in map(str.encode, arrays):
        yield struct.pack("<Q", len(name)) + name


def check(file: BinaryIO) -> None:
    """Walk through the arrays and names of a file, without reading what the arrays hold.

    Raises
    ------
    ValueError
        If the file is not what its numbers say.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    magic, _, arrays = _read(file, "<QQQ")
    if magic != LIST:
        raise ValueError("it does not begin as one")
    if arrays > MOST_ARRAYS:
        raise ValueError(f"it speaks of {arrays} arrays")
    for _ in range(arrays):
        _skip_array(file, size)
    (count,) = _read(file, "<Q")
    if count not in (0, arrays):
        raise ValueError(f"{arrays} arrays have {count} names")
    names = {_name(file, size) for _ in range(count)}
    if len(names) < count:
        raise ValueError("two arrays have one name")
    if file.tell() != size:
        raise ValueError(f"{arrays} arrays and {count} names do not fill it")


def _name(file: BinaryIO, size: int) -> str:
    (length,) = _read(file, "<Q")
    if length > size:
        raise ValueError("a name is longer than the file")
    name: bytes = _read(file, f"<{length}s")[0]
    return name.decode()


def _skip_array(file: BinaryIO, size: int) -> None:
    (kind,) = _read(file, "<I")
    if kind in WITH_STORAGE_TYPE:
        (storage_type,) = _read(file, "<i")
        if storage_type != DENSE:
            raise ValueError("it holds sparse arrays")
    long_shape = kind in WITH_STORAGE_TYPE or kind == WITH_LONG_SHAPE
    axes = _read(file, "<i")[0] if long_shape else kind  # the oldest files begin with the number of axes
    if not 0 <= axes <= MOST_AXES:
        raise ValueError(f"an array has {axes} axes")
    shape = _read(file, f"<{axes}{'q' if long_shape else 'I'}")
    if axes == 0 and kind != UNDER_NUMPY_SEMANTICS:
        raise ValueError("an array has no values")
    device, number, dtype = _read(file, "<iii")
    if device not in DEVICES or number < 0:
        raise ValueError(f"an array was on device {number} of kind {device}")
    if dtype not in ITEM_SIZES:
        raise ValueError(f"an array is of an unknown type, {dtype}")
    length = prod(shape) * ITEM_SIZES[dtype]
    if min(shape, default=0) < 0 or length > size - file.tell():
        raise ValueError(f"an array of shape {shape} does not fit in")
    file.seek(length, os.SEEK_CUR)


def _read(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    data = file.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        raise ValueError("it ends early")
    return struct.unpack(layout, data)

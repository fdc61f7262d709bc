"""The format of a ``.params`` file, checked before MXNet reads it.

MXNet believes the numbers it finds there: a damaged count or shape makes it run for hours, or ask for all
the memory there is. The format is that of ``NDArray::Save`` (src/ndarray/ndarray.cc).
"""

from __future__ import annotations

import os
import struct
from math import prod
from typing import Any, BinaryIO

LIST = 0x112
WITH_STORAGE_TYPE = (0xF993FAC9, 0xF993FACA)
WITH_LONG_SHAPE = 0xF993FAC8
DENSE = 0
MOST_AXES = 32
ITEM_SIZES = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1, 8: 2, 12: 2}  # by MXNet's number for a dtype


def check(path: str | os.PathLike[str]) -> None:
    """Walk through the arrays and names of a file, without reading what the arrays hold.

    Raises
    ------
    ValueError
        If the file is not what its numbers say.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        magic, _, arrays = _read(file, "<QQQ")
        if magic != LIST:
            raise ValueError("it does not begin as one")
        for _ in range(min(arrays, size)):
            _skip_array(file, size)
        (names,) = _read(file, "<Q")
        for _ in range(min(names, size)):
            (length,) = _read(file, "<Q")
            if length > size:
                raise ValueError("a name is longer than the file")
            _read(file, f"<{length}s")[0].decode()
        if file.tell() != size or names not in (0, arrays):
            raise ValueError(f"{arrays} arrays and {names} names do not fill it")


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
    if axes == 0 and kind != WITH_STORAGE_TYPE[1]:
        return  # an array without values
    *_, dtype = _read(file, "<iii")
    length = prod(shape) * ITEM_SIZES.get(dtype, size + 1)
    if min(shape, default=0) < 0 or length > size - file.tell():
        raise ValueError(f"an array of shape {shape} does not fit in")
    file.seek(length, os.SEEK_CUR)


def _read(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    data = file.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        raise ValueError("it ends early")
    return struct.unpack(layout, data)

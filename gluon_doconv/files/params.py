"""Read and write ``.params`` files: named arrays, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import Iterator, Mapping

import mxnet as mx

from ..errors import DOConvError
from . import params_format
from .atomic import atomic

Arrays = Mapping[str, mx.nd.NDArray]


def read_params(path: str | os.PathLike[str]) -> dict[str, mx.nd.NDArray]:
    """The named arrays of a ``.params`` file.

    Raises
    ------
    DOConvError
        If there is no such file, or if it is not a file of named arrays.
    """
    if not os.path.isfile(path):
        raise DOConvError(f"{path}: there is no such file")
    try:
        params_format.check(path)
        arrays = mx.nd.load(str(path))
    except (ValueError, mx.MXNetError) as error:
        raise DOConvError(f"{path} is damaged, or not a .params file: {_last_line(error)}") from error
    if not isinstance(arrays, dict):
        raise DOConvError(f"{path} holds {len(arrays)} arrays without names; a .params file names each")
    return arrays


def write_params(path: str | os.PathLike[str], arrays: Arrays) -> None:
    """Write named arrays to a ``.params`` file, atomically."""
    with atomic(path) as (temporary,):
        mx.nd.save(temporary, dict(arrays))


@contextmanager
def file_of(arrays: Arrays, path: str | os.PathLike[str]) -> Iterator[str]:
    """A temporary file of named arrays, called as ``path`` is: whoever reads it may name it in errors."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, os.path.basename(path))
        mx.nd.save(temporary, dict(arrays))
        yield temporary


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]

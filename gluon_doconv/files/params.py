"""Read and write ``.params`` files: named arrays, whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, Mapping

import mxnet as mx
from mxnet.gluon import Block

from ..disk.atomic import temporary_folder, write_files
from ..disk.reading import require_file
from ..errors import DOConvError, faults_of
from . import params_format

Arrays = Mapping[str, mx.nd.NDArray]


def read_params(path: str | os.PathLike[str]) -> dict[str, mx.nd.NDArray]:
    """The named arrays of a ``.params`` file.

    Raises
    ------
    DOConvError
        If there is no such file, or if it is not a file of named arrays.
    """
    require_file(path)
    try:
        with faults_of(path, "read"), open(path, "rb") as file:
            params_format.check(file)
        arrays = mx.nd.load(str(path))
    except (ValueError, mx.MXNetError) as error:
        raise DOConvError(f"{path} is damaged, or not a .params file: {_last_line(error)}") from error
    if not isinstance(arrays, dict):
        raise DOConvError(f"{path} holds {len(arrays)} arrays without names; a .params file names each")
    return arrays


def read_params_or_none(path: str | os.PathLike[str]) -> Arrays | None:
    """Read named arrays where there are some; what else there is, is for whoever was asked to load it."""
    try:
        return read_params(path)
    except DOConvError:
        return None


def write_params(path: str | os.PathLike[str], arrays: Arrays) -> None:
    """Write named arrays to a ``.params`` file, atomically."""
    write_files({path: params_format.content(arrays)})


def write_parameters(path: str | os.PathLike[str], net: Block) -> None:
    """Write the values of a network as ``Block.save_parameters`` does, atomically."""
    write_params(path, values_of(net))


def values_of(net: Block) -> Arrays:
    """The values of a network, as ``Block.save_parameters`` names them."""
    return {name: parameter._reduce() for name, parameter in net._collect_params_with_prefix().items()}


@contextmanager
def file_of(arrays: Arrays, path: str | os.PathLike[str]) -> Iterator[str]:
    """A temporary file of named arrays, called as ``path`` is: whoever reads it may name it in errors."""
    with temporary_folder() as folder:
        temporary = folder / os.path.basename(path)
        write_params(temporary, arrays)
        yield str(temporary)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]

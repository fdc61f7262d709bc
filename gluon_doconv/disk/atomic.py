"""The one room that writes: whole files, all of a call or none, whatever happens to the process or the disk.

MXNet's own writers do not say when a disk is full. So nothing is written by others: content comes as bytes, and
is read back before it takes the place of what was there.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Union
from zlib import crc32

from ..errors import DOConvError, faults_of
from .transaction import commit, transaction

Target = Union[str, "os.PathLike[str]"]
CHUNK = 1 << 20


def write_files(contents: Mapping[Any, Iterable[bytes]], below: Path | None = None) -> None:
    """Write files, all of them or none: a failure, or the death of the process, leaves every one as it was.

    What was a file stays that file: its mode, its owner where the system permits, its hard and symbolic links.
    Of a process killed between two files, the next that reads or writes in the folder undoes the first.

    Parameters
    ----------
    contents : by path what each file is to hold, in pieces
    below : the folder of what is not yet in place; by default the nearest that all files lie below

    Raises
    ------
    DOConvError
        If one of them cannot be written, or is a folder, a device or a pipe.
    """
    targets = [_resolved(target) for target in contents]
    if not targets:
        return
    with faults_of(next(iter(contents))):
        folder = os.path.realpath(below or os.path.commonpath([target.parent for target in targets]))
        with transaction(Path(folder)) as path:
            for number, (target, pieces) in enumerate(contents.items()):
                with faults_of(target):
                    _write(path / str(number), pieces)
            commit(path, targets)


def write_text(path: Target, text: str) -> None:
    """Write one file of text, in UTF-8, as :func:`write_files` does."""
    write_files({path: [text.encode()]})


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for this block among the system's temporary ones; what is killed leaves it to the next."""
    with ExitStack() as stack:
        with faults_of(f"a temporary folder in {tempfile.gettempdir()}"):
            path = stack.enter_context(transaction(Path(tempfile.gettempdir())))
            folder = path / "temporary"  # what is written here locks its folder, and the other is locked
            folder.mkdir()
        yield folder


def _resolved(target: Target) -> Path:
    """Where a target is to be written, after its symbolic links."""
    with faults_of(target):
        path = Path(os.path.realpath(target))
        if not path.parent.is_dir():
            raise DOConvError(f"{target}: the folder {Path(target).parent} does not exist")
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            return path
    if not stat.S_ISREG(mode):
        raise DOConvError(f"{target} is a folder, a device or a pipe: name a file")
    if not os.access(path, os.W_OK):
        raise DOConvError(f"{target} cannot be written: it is write-protected")
    return path


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a new file, have it written to the disk, and read it back."""
    written = 0
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            written = crc32(piece, written)
        file.flush()
        os.fsync(file.fileno())
    if _checksum(path) != written:
        raise OSError(errno.EIO, "what was read back is not what was written", str(path))


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(CHUNK), b""):
            checksum = crc32(piece, checksum)
    return checksum

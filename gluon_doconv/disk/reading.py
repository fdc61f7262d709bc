"""Files as they may be believed: ordinary ones, of a size that they can have, and of no half-finished write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import DOConvError, faults_of
from .transaction import settle

MOST_BYTES = 1 << 24  # of a text or a picture


def require_file(path: str | os.PathLike[str], most: float = float("inf")) -> None:
    """Raise :class:`DOConvError` if a path is not that of an ordinary file of at most so many bytes."""
    with faults_of(path, "read"):
        settle(Path(os.path.realpath(path)).parent)
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DOConvError(f"{path}: there is no such file") from error
    if not stat.S_ISREG(found.st_mode):
        raise DOConvError(f"{path}: there is no such file; it is a folder, a device or a pipe")
    if found.st_size > most:
        raise DOConvError(f"{path} is damaged: it has {found.st_size:,} bytes, and {most:,} are the most")


def read_bytes(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    """Read a file.

    Raises
    ------
    DOConvError
        As :func:`require_file`, or if it cannot be read.
    """
    require_file(path, most)
    with faults_of(path, "read"):
        return Path(path).read_bytes()


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a file of text in UTF-8.

    Raises
    ------
    DOConvError
        As :func:`read_bytes`, or if it is no text.
    """
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise DOConvError(f"{path} is damaged: it is no text in UTF-8") from error

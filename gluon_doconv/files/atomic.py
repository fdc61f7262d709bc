"""Writing whole files: a crash in the middle of writing leaves the old file, or none."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ..errors import DOConvError


@contextmanager
def atomic(*targets: str | os.PathLike[str]) -> Iterator[list[str]]:
    """Temporary paths to write to, one a target, in its folder; they replace the targets at the end.

    If the block raises, or the process dies in it, every target is as it was.
    """
    temporary: list[str] = []
    try:
        for target in targets:
            temporary.append(_temporary_beside(Path(target)))
        yield temporary
        for path in temporary:
            _flush_to_disk(path)
        for path, target in zip(temporary, targets):
            os.replace(path, target)
    finally:
        for path in temporary:
            Path(path).unlink() if os.path.exists(path) else None


def _temporary_beside(target: Path) -> str:
    if not target.parent.is_dir():
        raise DOConvError(f"{target}: the folder {target.parent} does not exist")
    try:
        handle, path = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise DOConvError(f"{target} cannot be written: {error.strerror}") from error
    os.close(handle)
    os.chmod(path, 0o666 & ~_umask())
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_to_disk(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())

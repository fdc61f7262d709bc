"""A write as a transaction: a hidden folder that holds everything until all of it takes its place.

The folder is locked as long as its process lives. What a killed one has left is therefore known, by its name
and by being unlocked, to whoever comes next: it is undone, if it had begun to take its place, and removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Sequence

from ..errors import DOConvError, faults_of
from .journal import JOURNAL, keep_old, plan, sync, undo

PREFIX = ".gluon_doconv-"


@contextmanager
def transaction(folder: Path) -> Iterator[Path]:
    """Make a hidden folder in ``folder`` for this block, after what dead ones have left there is settled."""
    settle(folder)
    path, lock = _begin(folder)
    process = os.getpid()
    try:
        yield path
    finally:
        if os.getpid() == process:  # and no fork of it
            _end(path)
        os.close(lock)


def _end(path: Path) -> None:
    with suppress(OSError):  # what is left is removed by the next
        if not (path / JOURNAL).exists():  # there still only if undoing has failed
            shutil.rmtree(path, ignore_errors=True)


def settle(folder: Path) -> None:
    """Undo what killed processes of this user have begun in ``folder``, and remove what they have left there.

    Raises
    ------
    DOConvError
        If something cannot be undone; it is left for somebody who can.
    """
    for path in sorted(folder.glob(f"{PREFIX}*")):
        lock = _try_lock(path)
        if lock is None:
            continue
        try:
            _settle_dead(path)
        except (OSError, ValueError) as error:
            raise DOConvError(f"{path}: writing was interrupted, and cannot be undone: {error}") from error
        finally:
            os.close(lock)


def commit(path: Path, targets: Sequence[Path]) -> None:
    """Put ``path / str(i)`` into the place of each target, all or none, even if the process is killed."""
    with locked(path.parent):
        steps = [plan(path, number, target) for number, target in enumerate(targets)]
        try:
            keep_old(path, steps)
            for step in steps:
                with faults_of(step.place(path)):
                    step.put(path)
            for folder in {target.parent for target in targets}:
                sync(folder)
        except BaseException:
            undo(path)
            raise
        (path / JOURNAL).unlink()


def _settle_dead(path: Path) -> None:
    if (path / JOURNAL).exists():
        with locked(path.parent):
            undo(path)
    shutil.rmtree(path, ignore_errors=True)


def _begin(folder: Path) -> tuple[Path, int]:
    """Make a hidden folder, and lock it before anybody takes it for a dead one."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        try:
            lock = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        _flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)


def _try_lock(path: Path) -> int | None:
    """Lock a hidden folder of this user's; None if it is somebody else's, or alive."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
    except OSError:  # also where there are no locks: nobody knows then who is alive
        pass
    os.close(lock)
    return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, for which others wait."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        _flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _flock(lock: int, operation: int) -> None:
    try:
        fcntl.flock(lock, operation)
    except OSError:  # a file system without locks
        return

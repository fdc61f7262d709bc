"""A write as a transaction: a hidden folder that holds everything until all of it takes its place.

The folder is locked as long as its process lives. What a killed one has left is therefore known, by its name
and by being unlocked, to whoever comes next: it is undone, if it had begun to take its place, and removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

from ..errors import DOConvError, faults_of
from ..schema import read_json

PREFIX = ".gluon_doconv-"
JOURNAL = "journal"  # there as long as some files may be new and others old


@contextmanager
def transaction(folder: Path) -> Iterator[Path]:
    """Make a hidden folder in ``folder`` for this block, after what dead ones have left there is settled."""
    settle(folder)
    path, lock = _begin(folder)
    try:
        yield path
    finally:
        if not (path / JOURNAL).exists():  # there still only if undoing has failed
            shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


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
        steps = [_plan(path, number, target) for number, target in enumerate(targets)]
        try:
            _keep_old(path, steps)
            for step in steps:
                with faults_of(step.place(path)):
                    step.put(path)
            for folder in {target.parent for target in targets}:
                sync(folder)
        except BaseException:
            _undo(path)
            raise
        (path / JOURNAL).unlink()


@dataclass(frozen=True)
class _Step:
    """A target, by its path below the folder of the transaction; what lies there before and after.

    ``in_place`` says that its content is replaced rather than the file: it has other names, or an owner that
    only it can keep.
    """

    number: int
    target: str
    existed: bool
    in_place: bool
    identity: list[int]

    def new(self, path: Path) -> Path:
        return path / str(self.number)

    def old(self, path: Path) -> Path:
        return path / f"{self.number}.old"

    def place(self, path: Path) -> Path:
        return path.parent / self.target

    def keep_old(self, path: Path) -> None:
        if self.existed:
            place, old = self.place(path), self.old(path)
            if self.in_place or not _link(place, old):
                copy_content(place, old)
                _give(old, place.stat())

    def put(self, path: Path) -> None:
        if self.in_place:
            copy_content(self.new(path), self.place(path))
        else:
            os.replace(self.new(path), self.place(path))

    def undo(self, path: Path) -> None:
        """Bring the old file back, unless somebody has written another one since."""
        place, old = self.place(path), self.old(path)
        if not self._is_ours(path):
            return
        if not self.existed:
            place.unlink()
        elif self.in_place:
            copy_content(old, place)
        else:
            os.replace(old, place)

    def _is_ours(self, path: Path) -> bool:
        place, new, old = self.place(path), self.new(path), self.old(path)
        if not self.in_place:
            return not new.exists() and _identity(place) == self.identity
        return place.exists() and _is_between(place, old if self.existed else None, new)


STEPS = [{"number": int, "target": str, "existed": bool, "in_place": bool, "identity": [int]}]


def _plan(path: Path, number: int, target: Path) -> _Step:
    """Decide how a target is to be replaced, and make the new file what the old one was: mode, owner."""
    new, existed = path / str(number), target.exists()
    in_place = os.stat(target.parent).st_dev != os.stat(path).st_dev
    if existed:
        old = target.stat()
        in_place |= old.st_nlink > 1 or not _give(new, old)
    return _Step(number, os.path.relpath(target, path.parent), existed, in_place, _identity(new))


def _give(new: Path, old: os.stat_result) -> bool:
    """Whether ``new`` could be given the owner and the mode of the old file."""
    try:
        if (new.stat().st_uid, new.stat().st_gid) != (old.st_uid, old.st_gid):
            os.chown(new, old.st_uid, old.st_gid)
        os.chmod(new, old.st_mode & 0o7777)
    except OSError:
        return False
    return True


def _keep_old(path: Path, steps: Sequence[_Step]) -> None:
    for step in steps:
        step.keep_old(path)
    draft = path / f"{JOURNAL}.draft"
    draft.write_text(json.dumps([asdict(step) for step in steps]), encoding="utf-8")
    sync(draft)
    os.replace(draft, path / JOURNAL)
    sync(path)
    sync(path.parent)


def _undo(path: Path) -> None:
    journal = path / JOURNAL
    if not journal.exists():
        return
    steps = [_Step(**step) for step in read_json(journal.read_text(encoding="utf-8"), STEPS)]
    if any(path.parent.resolve() not in step.place(path).resolve().parents for step in steps):
        raise ValueError(f"its {JOURNAL} speaks of files elsewhere")
    for step in reversed(steps):
        step.undo(path)
    journal.unlink()


def _settle_dead(path: Path) -> None:
    if (path / JOURNAL).exists():
        with locked(path.parent):
            _undo(path)
    shutil.rmtree(path, ignore_errors=True)


def copy_content(source: Path, target: Path) -> None:
    """Write the content of one file over that of another, which stays the same file."""
    with source.open("rb") as content, open(os.open(target, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
        shutil.copyfileobj(content, file)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _is_between(path: Path, old: Path | None, new: Path) -> bool:
    """Whether a file holds the beginning of the new content, and from there on the old."""
    content, before, after = (np.fromfile(each or os.devnull, np.uint8) for each in (path, old, new))
    length = min(content.size, after.size)
    different = content[:length] != after[:length]
    done = int(different.argmax()) if different.any() else length
    return np.array_equal(content[done:], before[done:]) or np.array_equal(content, after)


def _identity(path: Path) -> list[int]:
    """What tells a file from any other that comes into its place; nothing where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return []
    return [found.st_ino, found.st_size, found.st_mtime_ns]


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


def sync(path: Path) -> None:
    """Have the system write a file or the entries of a folder to the disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        return False
    return True

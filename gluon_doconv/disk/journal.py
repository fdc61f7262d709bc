"""What a write is about to change, written down before it does, so that it can be undone whenever it ended."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Sequence

import numpy as np

from ..schema import read_json

JOURNAL = "journal"  # there as long as some files may be new and others old


@dataclass(frozen=True)
class Step:
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
        """Where the new file lies until it takes its place."""
        return path / str(self.number)

    def old(self, path: Path) -> Path:
        """Where the old file lies until the new one has its place."""
        return path / f"{self.number}.old"

    def place(self, path: Path) -> Path:
        """The place itself."""
        return path.parent / self.target

    def keep_old(self, path: Path) -> None:
        """Keep the old file, if there is one."""
        if self.existed:
            place, old = self.place(path), self.old(path)
            if self.in_place or not _link(place, old):
                _copy(place, old)
                give(old, place.stat())

    def put(self, path: Path) -> None:
        """Put the new file into its place."""
        if self.in_place:
            _copy(self.new(path), self.place(path))
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
            _copy(old, place)
        else:
            os.replace(old, place)

    def _is_ours(self, path: Path) -> bool:
        place, new, old = self.place(path), self.new(path), self.old(path)
        if not self.in_place:
            return not new.exists() and identity(place) == self.identity
        return place.exists() and _is_between(place, old if self.existed else None, new)


STEPS = [{"number": int, "target": str, "existed": bool, "in_place": bool, "identity": [int]}]


def plan(path: Path, number: int, target: Path) -> Step:
    """Decide how a target is to be replaced, and make the new file what the old one was: mode, owner."""
    new, existed = path / str(number), target.exists()
    in_place = os.stat(target.parent).st_dev != os.stat(path).st_dev
    if existed:
        old = target.stat()
        in_place |= old.st_nlink > 1 or not give(new, old)
    return Step(number, os.path.relpath(target, path.parent), existed, in_place, identity(new))


def give(new: Path, old: os.stat_result) -> bool:
    """Whether ``new`` could be given the owner and the mode of the old file."""
    try:
        if (new.stat().st_uid, new.stat().st_gid) != (old.st_uid, old.st_gid):
            os.chown(new, old.st_uid, old.st_gid)
        os.chmod(new, old.st_mode & 0o7777)
    except OSError:
        return False
    return True


def keep_old(path: Path, steps: Sequence[Step]) -> None:
    """Keep all old files, and write down what comes; from then on :func:`undo` brings them back."""
    for step in steps:
        step.keep_old(path)
    draft = path / f"{JOURNAL}.draft"
    draft.write_text(json.dumps([asdict(step) for step in steps]), encoding="utf-8")
    sync(draft)
    os.replace(draft, path / JOURNAL)
    sync(path)
    sync(path.parent)


def undo(path: Path) -> None:
    """Bring back what was there before the steps that are written down in the hidden folder ``path``.

    Raises
    ------
    ValueError
        If what is written there is damaged, or speaks of files elsewhere; nothing is changed then.
    OSError
        If the system refuses.
    """
    journal = path / JOURNAL
    if not journal.exists():
        return
    steps = [Step(**step) for step in read_json(journal.read_text(encoding="utf-8"), STEPS)]
    if any(path.parent.resolve() not in step.place(path).resolve().parents for step in steps):
        raise ValueError(f"its {JOURNAL} speaks of files elsewhere")
    for step in reversed(steps):
        step.undo(path)
    journal.unlink()


def _copy(source: Path, target: Path) -> None:
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


def identity(path: Path) -> list[int]:
    """What tells a file from any other that comes into its place; nothing where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return []
    return [found.st_ino, found.st_size, found.st_mtime_ns]


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

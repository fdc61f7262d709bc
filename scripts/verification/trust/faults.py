"""Refuse what writes its space, its rights and its disk: everything is as it was, and a sentence says why."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, ContextManager, Iterator

from gluon_doconv import DOConvError

from .writers import Writer, snapshot

CALLS = ("open", "fsync", "replace", "link", "mkdir", "chmod", "rename", "stat")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT)
MOST = 60  # calls of a kind


def refuse(writer: Writer, most: int) -> tuple[str, int, list[str]]:
    """Have each of the calls to the system fail, and files end early; at most ``most`` times of each kind.

    Returns
    -------
    The writer's name, how many times something failed, and what was wrong after it.
    """
    found = [outcome for call in CALLS for outcome in _until_it_succeeds(writer, call, most)]
    found += [_tried(writer, partial(_no_file_longer_than, size)) for size in _sizes(writer, most)]
    refused = [outcome for outcome in found if outcome is not None]
    return writer.name, len(refused), [fault for fault in refused if fault]


def _until_it_succeeds(writer: Writer, call: str, most: int) -> Iterator[str | None]:
    for number in range(min(most, MOST)):
        outcome = _tried(writer, partial(_failing, call, number))
        yield outcome
        if outcome is None:
            return


def _tried(writer: Writer, fault: Callable[[], ContextManager[Any]]) -> str | None:
    """What was wrong after a fault; None where the writer did not meet it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer.prepare(folder)
        before = snapshot(folder)
        try:
            with fault():
                writer.write(folder)
        except (DOConvError, OSError) as error:
            if not str(error) or "Traceback" in str(error):
                return f"no sentence: {error!r}"
            return "" if snapshot(folder) == before else f"something has changed, though {error}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None


@contextmanager
def _failing(call: str, number: int) -> Iterator[None]:
    """Have one call of a kind fail, after so many that do not."""
    real, left = getattr(os, call), [number]

    def failing(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == -1:
            code = ERRORS[number % len(ERRORS)]
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    setattr(os, call, failing)
    try:
        yield
    finally:
        setattr(os, call, real)


@contextmanager
def _no_file_longer_than(size: int) -> Iterator[None]:
    """Have the system refuse to write more into one file, as it does when a disk is full."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def _sizes(writer: Writer, most: int) -> range:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer.prepare(folder)
        writer.write(folder)
        longest = max(len(content) for content, *_ in snapshot(folder).values())
    return range(0, longest, max(1, longest // most))


def on_a_full_disk(writer: Writer, most: int) -> tuple[str, int, list[str]]:
    """Let a writer meet a small file system with less and less space; only root can mount one."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", name], check=True)
        former, tempfile.tempdir = tempfile.tempdir, name
        try:
            outcomes = [_tried(writer, partial(_little_space, place, free)) for free in _pages(most)]
        finally:
            tempfile.tempdir = former
            subprocess.run(["umount", name], check=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    return f"{writer.name}, on a full disk", len(refused), [fault for fault in refused if fault]


def _pages(most: int) -> range:
    return range(0, 40 * 4096, max(1, 40 // most) * 4096)


@contextmanager
def _little_space(place: Path, free: int) -> Iterator[None]:
    found = os.statvfs(place)
    filler = place / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - free))
    try:
        yield
    finally:
        filler.unlink()

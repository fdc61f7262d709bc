"""Kill what writes at every line of the code that writes: everything is as it was, or as it was to be."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any, Callable

from gluon_doconv.disk import atomic, journal, transaction
from gluon_doconv.lab.datasets import folder as data_folder

from .writers import Snapshot, Writer, snapshot

WATCHED = {module.__file__ for module in (atomic, journal, transaction, data_folder)}
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def kill(writer: Writer, most: int) -> tuple[str, int, list[str]]:
    """Kill a writer at most so many times, each time at another line.

    Returns
    -------
    Its name, how many times it was killed, and what was wrong after it.
    """
    before, after, lines = _undisturbed(writer)
    chosen = range(1, lines + 1, max(1, lines // most))
    faults = [_after_a_kill(writer, line, before, after) for line in chosen]
    return writer.name, len(chosen), [fault for fault in faults if fault]


def _undisturbed(writer: Writer) -> tuple[Snapshot, Snapshot, int]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer.prepare(folder)
        before, lines = snapshot(folder), [0]

        def count() -> None:
            lines[0] += 1

        _at_each_line(count, lambda: writer.write(folder))
        return before, snapshot(folder), lines[0]


def _after_a_kill(writer: Writer, line: int, before: Snapshot, after: Snapshot) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer.prepare(folder)
        _in_a_child(lambda: _killed_at(line, lambda: writer.write(folder)))
        found = snapshot(folder)
        torn = [path for path in before if found.get(path, (b"",))[0] not in (before[path][0], after[path][0])]
        transaction.settle(folder)  # as whoever reads or writes there next does
        settled = snapshot(folder)
    if torn and "linked" not in writer.name:  # a file with two names cannot be replaced at once: it is undone
        return f"killed at line {line}: {torn[0]} is torn"
    return "" if settled in (before, after) else f"killed at line {line}: neither as before nor as after"


def _killed_at(line: int, write: Callable[[], Any]) -> None:
    left = [line]

    def count() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), SIGNALS[line % 2])

    _at_each_line(count, write)


def _at_each_line(call: Callable[[], None], run: Callable[[], Any]) -> None:
    """Run something, and call ``call`` before each line of the watched files."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            call()
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(former)


def _in_a_child(run: Callable[[], Any]) -> None:
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            run()
        finally:
            os._exit(0)
    os.waitpid(child, 0)

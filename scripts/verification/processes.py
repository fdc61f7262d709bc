"""Programs in processes of their own: what they print goes into a log, and a bad end is told in a line."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Sequence

SCRIPTS = Path(__file__).resolve().parents[1]
LONGEST = 200  # characters of an error that are told


class ProcessError(Exception):
    """A program did not end well; ``code`` is its exit code, None if it had to be ended."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


def run(
    command: Sequence[object],
    log: Path,
    *,
    seconds: float | None = None,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Run a command in ``folder``, and append what it prints to ``log``.

    Raises
    ------
    ProcessError
        If its exit code is not 0, with the line of its output that says why, or if it takes too long.
    """
    words = [str(word) for word in command]
    with log.open("a") as output:
        before = output.tell()
        try:
            code = subprocess.run(
                words, cwd=folder, env=environment, timeout=seconds, stdout=output, stderr=subprocess.STDOUT
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise ProcessError(f"no end after {seconds:.0f} s", None) from error
    if code:
        said = error_line(log.read_bytes()[before:].decode(errors="replace"))
        raise ProcessError(f"exit code {code}: {said}", code)


def environment_with(*path: Path, **variables: str) -> dict[str, str]:
    """Return this process's environment with ``variables``, and ``path`` and this project on PYTHONPATH."""
    inherited = filter(None, [os.environ.get("PYTHONPATH")])
    joined = os.pathsep.join([*map(str, (*path, SCRIPTS.parent, SCRIPTS)), *inherited])
    return {**os.environ, "PYTHONPATH": joined, **variables}


def error_line(text: str) -> str:
    """Return the line that says what was wrong: the last one that names an error, or the last of all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search("Error|Check failed", line)]
    return (telling or lines or [""])[-1][:LONGEST]

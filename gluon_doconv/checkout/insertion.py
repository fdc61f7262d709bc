"""Marked lines in somebody else's file: inserted, recognised, and taken out again to the byte."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from typing import Sequence

MARK = b"  # by gluon-doconv patch"


@dataclass(frozen=True)
class Insertion:
    """Lines to insert behind the first ``after`` lines of a file: without line ends and mark."""

    after: int
    lines: tuple[str, ...]


def insert(content: bytes, insertions: Sequence[Insertion]) -> bytes:
    """Insert marked lines, with the line ends of ``content``; :func:`remove` undoes it to the byte."""
    beginning, lines = _lines(content)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    for insertion in reversed(sorted(insertions, key=lambda each: each.after)):
        marked = [line.encode() + MARK for line in insertion.lines]
        at = insertion.after
        whole = at == 0 or lines[at - 1].endswith(b"\n")
        # Where the last line of a file has no end, the last inserted one is to have none either.
        lines[at:at] = [line + end for line in marked] if whole else [end + line for line in marked]
    return beginning + b"".join(lines)


def remove(content: bytes) -> bytes:
    """Take out every marked line; what was edited in between stays as it was edited."""
    beginning, lines = _lines(content)
    kept: list[bytes] = []
    for line in lines:
        if not is_marked(line):
            kept.append(line)
        elif kept and not line.endswith(b"\n"):
            kept[-1] = kept[-1].rstrip(b"\r\n")
    return beginning + b"".join(kept)


def marked_lines(content: bytes) -> list[int]:
    """The numbers of the marked lines, from 1."""
    return [number for number, line in enumerate(_lines(content)[1], 1) if is_marked(line)]


def is_marked(line: bytes) -> bool:
    """Whether a line ends with the mark of an inserted one."""
    return line.rstrip(b"\r\n").endswith(MARK)


def _lines(content: bytes) -> tuple[bytes, list[bytes]]:
    """The byte order mark, which stays first, and the lines of a file."""
    beginning = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    return beginning, io.BytesIO(content[len(beginning) :]).readlines()

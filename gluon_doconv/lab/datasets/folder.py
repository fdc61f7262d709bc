"""A new folder, whole or not there at all, and the mark that tells a rehearsal from real data."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ...compat.rehearsal import MARK
from ...disk.journal import sync
from ...disk.transaction import transaction
from ...errors import DOConvError, faults_of
from .scenes import Plan


@contextmanager
def new_folder(target: str | os.PathLike) -> Iterator[Path]:
    """Make a temporary folder to fill beside ``target``; it becomes ``target`` at the end.

    If the block raises, or the process dies in it, ``target`` is as it was.

    Raises
    ------
    DOConvError
        If ``target`` is not a new or empty folder, or if the disk refuses.
    """
    with faults_of(target):
        place = Path(target).expanduser().resolve()
        _check_vacant(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        with transaction(place.parent) as hidden:
            folder = hidden / place.name
            folder.mkdir()
            yield folder
            for written in folder.rglob("*"):
                sync(written)
            os.rename(folder, place)  # refused where something has come into the target meanwhile


def _check_vacant(target: Path) -> None:
    if target == Path.cwd():
        raise DOConvError(f"{target} is the folder you are in: name a new one, such as {target / 'data'}")
    if target.exists() and not target.is_dir():
        raise DOConvError(f"{target} is a file: name a folder that does not exist yet")
    if target.is_dir() and any(target.iterdir()):
        raise DOConvError(f"{target} is not empty, and nothing is overwritten: name another folder")


def mark(folder: Path, layout: str, plan: Plan) -> None:
    """Note in ``folder`` that it holds a rehearsal, and how it was made."""
    text = json.dumps({"layout": layout, **plan._asdict()}, indent=1)
    (folder / MARK).write_text(text + "\n", encoding="utf-8")

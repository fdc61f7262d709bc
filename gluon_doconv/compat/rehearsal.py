"""The mark that tells a rehearsal folder, written by ``gluon-doconv data``, from real data."""

from __future__ import annotations

import json
import os
from pathlib import Path

MARK = "gluon_doconv-rehearsal.json"


def layout_of(folder: str | os.PathLike) -> str | None:
    """The layout that ``gluon-doconv data`` gave ``folder``, such as ``"cifar"``; None for any other folder.

    MXNet's ``CIFAR10`` accepts only files with the checksums of the real data set; whoever relaxes this for a
    rehearsal asks here first.
    """
    path = Path(folder).expanduser() / MARK
    return json.loads(path.read_text(encoding="utf-8"))["layout"] if path.is_file() else None

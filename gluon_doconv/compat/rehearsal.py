"""The mark that tells a rehearsal folder, written by ``gluon-doconv data``, from real data."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DOConvError
from ..schema import read_json

MARK = "gluon_doconv-rehearsal.json"


def layout_of(folder: str | os.PathLike) -> str | None:
    """The layout that ``gluon-doconv data`` gave ``folder``, such as ``"cifar"``; None for any other folder.

    MXNet's ``CIFAR10`` accepts only files with the checksums of the real data set; whoever relaxes this for a
    rehearsal asks here first.
    """
    path = Path(folder).expanduser() / MARK
    if not path.is_file():
        return None
    try:
        layout: str = read_json(path.read_text(encoding="utf-8"), {"layout": str, ...: None})["layout"]
    except ValueError as error:
        raise DOConvError(f"{path} is damaged ({error}); remove {folder} and write it anew") from error
    return layout

"""Everything that writes files, over others that are there already."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple, Tuple

import gluon_doconv as doconv
from gluon_doconv.checkout import apply as checkouts
from gluon_doconv.files.export import fold_checkpoint
from gluon_doconv.lab import datasets
from gluon_doconv.lab.records import Record, write_results

import numpy as np

from .fuzz_cases import CONFIGURATION, EPOCHS, SCRIPT, network, sound

Snapshot = Dict[str, Tuple[bytes, int, int, bool]]


class Writer(NamedTuple):
    """What writes into a folder, and what makes that folder ready."""

    name: str
    prepare: Callable[[Path], Any]
    write: Callable[[Path], Any]


def snapshot(folder: Path) -> Snapshot:
    """Read a folder, what is hidden in it too: content, mode, number of names, and whether it is a link."""
    files = [path for path in sorted(folder.rglob("*")) if not path.is_dir()]
    return {str(path.relative_to(folder)): _described(path) for path in files}


def _described(path: Path) -> tuple[bytes, int, int, bool]:
    found = path.stat()
    return path.read_bytes(), stat.S_IMODE(found.st_mode), found.st_nlink, path.is_symlink()


def _files(folder: Path) -> None:
    for name, content in sound().items():
        (folder / name).write_bytes(content)
    for name in ("target.params", "target-symbol.json", "target-0000.params", "target.onnx", "results.jsonl"):
        (folder / name).write_bytes(b"old " * 1000)
        (folder / name).chmod(0o640)


def _linked_files(folder: Path) -> None:
    """Of the targets one has another name, and one is a link."""
    _files(folder)
    os.link(folder / "target-0000.params", folder / "other name")
    (folder / "target-symbol.json").rename(folder / "elsewhere")
    (folder / "target-symbol.json").symlink_to("elsewhere")


def _checkout(folder: Path) -> None:
    for path, content in {
        "gluoncv/__init__.py": "from . import data\n",
        "scripts/a.py": SCRIPT,
        "scripts/b/c.py": SCRIPT,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


def _patched_checkout(folder: Path) -> None:
    _checkout(folder)
    checkouts.apply(folder)


def _fold_symbol(folder: Path) -> None:
    fold_checkpoint(str(folder / "exported"), 0, str(folder / "target"))


def _import_pytorch(folder: Path) -> None:
    net = doconv.DOConv2D(8, 3, in_channels=4, use_bias=False)
    doconv.import_pytorch({"W": np.ones((8, 4, 9)), "D": np.ones((4, 9, 9))}, folder / "target.params", net)


def _write_results(folder: Path) -> None:
    write_results(folder / "results.jsonl", [Record(CONFIGURATION, 0, {"mxnet": "1"}, EPOCHS)] * 20)


def _saved(folder: Path) -> Path:
    return folder / "saved.params"


WRITERS = (
    Writer("fold_params", _files, lambda at: doconv.fold_params(_saved(at), at / "target.params")),
    Writer("fold_params, in place", _files, lambda at: doconv.fold_params(_saved(at), _saved(at))),
    Writer("fold_params, a new file", _files, lambda at: doconv.fold_params(_saved(at), at / "new.params")),
    Writer("fold_symbol", _files, _fold_symbol),
    Writer("fold_symbol, of linked files", _linked_files, _fold_symbol),
    Writer("export", _files, lambda at: doconv.export(network(), str(at / "target"))),
    Writer("import_published", _files, lambda at: doconv.import_published(_saved(at), at / "target.params")),
    Writer("import_pytorch", _files, _import_pytorch),
    Writer("results of trainings", _files, _write_results),
    Writer("patch apply", _checkout, checkouts.apply),
    Writer("patch revert", _patched_checkout, checkouts.revert),
    Writer("data cifar", lambda at: None, lambda at: datasets.write("cifar", at / "cifar", images=5)),
)

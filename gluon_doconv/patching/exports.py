"""Exported, a DO-Conv network is the plain one it folds into: what reads the files knows nothing of D."""

from __future__ import annotations

from mxnet.gluon import HybridBlock

from ..calls import Call
from ..core.convert import is_doconv
from ..disk.atomic import temporary_folder
from ..files.export import fold_checkpoint
from ..monkeypatch import Undo, intercept


def fold_exports() -> Undo:
    """Have ``HybridBlock.export`` write DO-Conv networks folded; the returned call undoes it.

    The live network is left as it is. ``gluoncv.utils.export_block`` calls ``HybridBlock.export``.
    """
    return intercept(HybridBlock, "export", _export)


def _export(call: Call) -> None:
    if not is_doconv(call.instance):
        return call()
    with temporary_folder() as folder:
        prefix = str(folder / "unfolded")
        call(path=prefix)
        fold_checkpoint(prefix, call["epoch"], call["path"])

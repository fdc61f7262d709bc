"""Exported, a DO-Conv network is the plain one it folds into: what reads the files knows nothing of D."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Callable

from mxnet.gluon import HybridBlock

from ..core.convert import is_doconv
from ..files.export import fold_checkpoint
from ..monkeypatch import Undo, wrap_method


def fold_exports() -> Undo:
    """Have ``HybridBlock.export`` write DO-Conv networks folded; the returned call undoes it.

    The live network is left as it is. ``gluoncv.utils.export_block`` calls ``HybridBlock.export``.
    """
    return wrap_method(HybridBlock, "export", _export)


def _export(original: Callable[..., Any], net: HybridBlock, path: str, epoch: int = 0, **kwargs: Any) -> Any:
    if not is_doconv(net):
        return original(net, path, epoch, **kwargs)
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "unfolded")
        original(net, prefix, epoch, **kwargs)
        fold_checkpoint(prefix, epoch, path)
    return None

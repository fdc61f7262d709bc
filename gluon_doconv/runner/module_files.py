"""Notice what the Module API writes of DO-Conv networks: checkpoints, and files of parameters alone."""

from __future__ import annotations

import os
from typing import Any, Callable

import mxnet as mx
from mxnet.module import Module

from ..calls import Call
from ..files.export import checkpoint_files, fold_checkpoint
from ..files.fold import find_pairs, fold_params
from ..monkeypatch import Undo, intercept_all

Noting = Callable[[str, str, Callable[[], Any]], None]


def on_module_files(note: Noting) -> Undo:
    """Call ``note`` after each file, until the returned call.

    It is given the name of what was written, that of its folded copy, and what writes the copy. A checkpoint is
    copied as ``PREFIX-folded``, with its symbol.
    """
    watch = _Watch(note)
    return intercept_all(
        (Module, "save_checkpoint", watch.save_checkpoint),
        (Module, "save_params", watch.save_params),
        (mx.model, "save_checkpoint", watch.save_checkpoint_function),
        (mx.callback, "save_checkpoint", watch.save_checkpoint_function),
    )


class _Watch:
    def __init__(self, note: Noting) -> None:
        self._note = note
        self._in_checkpoint = False

    def save_checkpoint(self, call: Call) -> None:
        self._in_checkpoint = True
        try:
            call()
        finally:
            self._in_checkpoint = False
        self._note_checkpoint(call["prefix"], call["epoch"], call.instance.get_params()[0])

    def save_params(self, call: Call) -> None:
        call()
        if find_pairs(call.instance.get_params()[0]) and not self._in_checkpoint:
            stem, extension = os.path.splitext(call["fname"])
            target = f"{stem}-folded{extension}"
            self._note(call["fname"], target, lambda: fold_params(call["fname"], target))

    def save_checkpoint_function(self, call: Call) -> None:
        call()
        if call["symbol"] is not None:
            self._note_checkpoint(call["prefix"], call["epoch"], call["arg_params"])

    def _note_checkpoint(self, prefix: str, epoch: int, arg_params: dict[str, mx.nd.NDArray]) -> None:
        if find_pairs(arg_params):
            target = f"{prefix}-folded"
            written, folded = (checkpoint_files(each, epoch)[1] for each in (prefix, target))
            self._note(written, folded, lambda: fold_checkpoint(prefix, epoch, target))

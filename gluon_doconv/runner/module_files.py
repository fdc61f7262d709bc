"""Notice what the Module API writes of DO-Conv networks: checkpoints, and files of parameters alone."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Callable

import mxnet as mx
from mxnet.module import Module

from ..files.export import checkpoint_files, fold_checkpoint
from ..files.fold import find_pairs, fold_params
from ..monkeypatch import Undo, wrap_function, wrap_method

Original = Callable[..., Any]
Noting = Callable[[str, str, Callable[[], Any]], None]


def on_module_files(note: Noting) -> Undo:
    """Call ``note`` after each file, until the returned call.

    It is given the name of what was written, that of its folded copy, and what writes the copy. A checkpoint is
    copied as ``PREFIX-folded``, with its symbol.
    """
    watch = _Watch(note)
    with ExitStack() as stack:
        stack.callback(wrap_method(Module, "save_checkpoint", watch.save_checkpoint))
        stack.callback(wrap_method(Module, "save_params", watch.save_params))
        for module in (mx.model, mx.callback):
            stack.callback(wrap_function(module, "save_checkpoint", watch.save_checkpoint_function))
        return stack.pop_all().close


class _Watch:
    def __init__(self, note: Noting) -> None:
        self._note = note
        self._in_checkpoint = False

    def save_checkpoint(
        self, original: Original, module: Module, prefix: str, epoch: int, *args: Any, **kwargs: Any
    ) -> None:
        self._in_checkpoint = True
        try:
            original(module, prefix, epoch, *args, **kwargs)
        finally:
            self._in_checkpoint = False
        self._note_checkpoint(prefix, epoch, module.get_params()[0])

    def save_params(self, original: Original, module: Module, fname: str) -> None:
        original(module, fname)
        if find_pairs(module.get_params()[0]) and not self._in_checkpoint:
            stem, extension = os.path.splitext(fname)
            target = f"{stem}-folded{extension}"
            self._note(fname, target, lambda: fold_params(fname, target))

    def save_checkpoint_function(
        self,
        original: Original,
        prefix: str,
        epoch: int,
        symbol: mx.sym.Symbol,
        arg_params: dict[str, mx.nd.NDArray],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        original(prefix, epoch, symbol, arg_params, *args, **kwargs)
        if symbol is not None:
            self._note_checkpoint(prefix, epoch, arg_params)

    def _note_checkpoint(self, prefix: str, epoch: int, arg_params: dict[str, mx.nd.NDArray]) -> None:
        if find_pairs(arg_params):
            target = f"{prefix}-folded"
            written, folded = (checkpoint_files(each, epoch)[1] for each in (prefix, target))
            self._note(written, folded, lambda: fold_checkpoint(prefix, epoch, target))

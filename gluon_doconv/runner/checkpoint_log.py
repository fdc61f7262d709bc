"""Log what a script saves of DO-Conv networks, and write a folded copy beside each where that is wanted."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Iterator

import mxnet as mx
from mxnet.module import Module

from ..calls import Call
from ..files.export import checkpoint_files, fold_checkpoint
from ..files.fold import find_pairs, fold_params
from ..files.params import Arrays
from ..monkeypatch import Undo, intercept_all
from ..patching.estimators import fold_estimator, has_doconv_network, on_estimators


class CheckpointLog:
    """Notes, between :meth:`watch` and its undoing, what is written: parameters, checkpoints, estimators.

    Parameters
    ----------
    fold : write ``NAME-folded`` beside each NAME, and ``PREFIX-folded`` with its symbol beside a checkpoint
    file : where notes are kept, a line each; the processes of a script share it
    """

    def __init__(self, fold: bool, file: str) -> None:
        self._fold, self._file = fold, Path(file)
        self._in_whole = False

    @property
    def notes(self) -> list[str]:
        """What has been written, by whichever process, and what could not be, each once."""
        return list(dict.fromkeys(self._file.read_text(encoding="utf-8").splitlines()))

    def watch(self) -> Undo:
        """Begin; the returned call ends it."""
        stack = ExitStack()
        changes = intercept_all(
            (mx.nd, "save", self._save_arrays),  # whatever writes parameters, writes them by one of these two
            (mx.npx, "save", self._save_arrays),
            (Module, "save_checkpoint", self._save_module),
            (mx.model, "save_checkpoint", self._save_checkpoint),
            (mx.callback, "save_checkpoint", self._save_checkpoint),
        )
        stack.callback(changes)
        stack.callback(on_estimators(self._watch_estimators))
        return stack.close

    def _watch_estimators(self, base: type) -> Undo:
        return intercept_all(
            (base, "save", self._save_estimator), (base, "__getstate__", self._pickle_estimator)
        )

    def _save_arrays(self, call: Call) -> None:
        call()
        path, arrays = call.given.values()
        if isinstance(arrays, dict) and find_pairs(arrays) and not (self._in_whole or _is_on_the_way()):
            self._note(Path(path), fold_params)

    def _save_module(self, call: Call) -> None:
        with self._as_a_whole():
            call()
        self._note_checkpoint(call["prefix"], call["epoch"], call.instance.get_params()[0])

    def _save_checkpoint(self, call: Call) -> None:
        if call["symbol"] is None:  # it writes the parameters alone
            return call()
        with self._as_a_whole():
            call()
        self._note_checkpoint(call["prefix"], call["epoch"], call["arg_params"])

    def _save_estimator(self, call: Call) -> None:
        call()
        if has_doconv_network(call.instance):
            self._note(Path(call["filename"]), lambda _, target: fold_estimator(call.instance, target))

    def _pickle_estimator(self, call: Call) -> dict:
        with self._as_a_whole():  # a temporary file, which becomes part of the pickle
            state: dict = call()
            return state

    @contextmanager
    def _as_a_whole(self) -> Iterator[None]:
        """Meanwhile note no parameter file: it is part of what is noted as a whole."""
        before, self._in_whole = self._in_whole, True
        try:
            yield
        finally:
            self._in_whole = before

    def _note_checkpoint(self, prefix: str, epoch: int, arg_params: Arrays) -> None:
        if find_pairs(arg_params):
            target = f"{prefix}-folded"
            written, folded = (checkpoint_files(each, epoch)[1] for each in (prefix, target))
            self._note_as(written, folded, lambda: fold_checkpoint(prefix, epoch, target))

    def _note(self, path: Path, fold_file: Callable[[Path, Path], Any]) -> None:
        target = path.with_name(f"{path.stem}-folded{path.suffix}")
        self._note_as(str(path), str(target), lambda: fold_file(path, target))

    def _note_as(self, path: str, target: str, fold: Callable[[], Any]) -> None:
        self._add(f"wrote {path}")
        if not self._fold:
            return
        try:
            fold()
        except Exception as error:  # whatever it is, it is no reason to end a training
            self._add(f"did NOT write {target}: {error}")
        else:
            self._add(f"wrote {target}")

    def _add(self, note: str) -> None:
        with suppress(OSError), self._file.open("a", encoding="utf-8") as file:  # no reason to end a training
            file.write(f"{note}\n")


def _is_on_the_way() -> bool:
    """Whether arrays are written for something else to read at once: by an export that is folded."""
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] in (__name__, "gluon_doconv.monkeypatch", "gluon_doconv.calls"):
        assert frame.f_back is not None
        frame = frame.f_back
    return frame.f_code.co_name == "export"

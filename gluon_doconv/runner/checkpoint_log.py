"""Log what a script saves of DO-Conv networks, and write a folded copy beside each where that is wanted."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import mxnet as mx

from ..calls import Call
from ..errors import DOConvError
from ..files.fold import find_pairs, fold_params
from ..monkeypatch import Undo, intercept
from ..patching.estimators import fold_estimator, has_doconv_network, on_estimators
from .module_files import on_module_files


class CheckpointLog:
    """Notes, between :meth:`watch` and its undoing, what is written: parameter files and estimators.

    Parameters
    ----------
    fold : write ``NAME-folded`` beside each NAME
    """

    def __init__(self, fold: bool) -> None:
        self._fold = fold
        self._in_pickle = False
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What has been written, and what could not be, each once."""
        return list(dict.fromkeys(self._notes))

    def watch(self) -> Undo:
        """Begin; the returned call ends it."""
        stack = ExitStack()
        for arrays in (mx.nd, mx.npx):  # whatever writes parameters, writes them by one of these
            stack.callback(intercept(arrays, "save", self._save_arrays))
        stack.callback(on_estimators(self._watch_estimators))
        stack.callback(on_module_files(self._note_as))
        return stack.close

    def _watch_estimators(self, base: type) -> Undo:
        stack = ExitStack()
        stack.callback(intercept(base, "save", self._save_estimator))
        stack.callback(intercept(base, "__getstate__", self._pickle_estimator))
        return stack.close

    def _save_arrays(self, call: Call) -> None:
        call()
        path, arrays = call.given.values()
        if isinstance(arrays, dict) and find_pairs(arrays) and not (self._in_pickle or _is_noted_elsewhere()):
            self._note(Path(path), fold_params)

    def _save_estimator(self, call: Call) -> None:
        call()
        if has_doconv_network(call.instance):
            self._note(Path(call["filename"]), fold_estimator)

    def _pickle_estimator(self, call: Call) -> dict:
        """What an estimator writes meanwhile is a temporary file, and becomes part of its pickle."""
        self._in_pickle = True
        try:
            state: dict = call()
            return state
        finally:
            self._in_pickle = False

    def _note(self, path: Path, fold_file: Callable[[Path, Path], Any]) -> None:
        target = path.with_name(f"{path.stem}-folded{path.suffix}")
        self._note_as(str(path), str(target), lambda: fold_file(path, target))

    def _note_as(self, path: str, target: str, fold: Callable[[], Any]) -> None:
        self._notes.append(f"wrote {path}")
        if not self._fold:
            return
        try:
            fold()
        except DOConvError as error:  # no reason to end a training
            self._notes.append(f"did NOT write {target}: {error}")
        else:
            self._notes.append(f"wrote {target}")


def _is_noted_elsewhere() -> bool:
    """Whether what writes arrays is noted as a whole: an export, a checkpoint with its symbol, or us."""
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] in (__name__, "gluon_doconv.monkeypatch", "gluon_doconv.calls"):
        assert frame.f_back is not None
        frame = frame.f_back
    writer = frame.f_globals["__name__"]
    return (
        writer.startswith(("gluon_doconv.", "mxnet.model", "mxnet.module")) or frame.f_code.co_name == "export"
    )

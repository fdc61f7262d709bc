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
from ..monkeypatch import Undo, intercept_all
from ..patching.estimators import fold_estimator, has_doconv_network, on_estimators
from .module_files import on_module_files


class CheckpointLog:
    """Notes, between :meth:`watch` and its undoing, what is written: parameter files and estimators.

    Parameters
    ----------
    fold : write ``NAME-folded`` beside each NAME
    file : where notes are kept, a line each; the processes of a script share it
    """

    def __init__(self, fold: bool, file: str) -> None:
        self._fold, self._file = fold, Path(file)
        self._in_pickle = False

    @property
    def notes(self) -> list[str]:
        """What has been written, by whichever process, and what could not be, each once."""
        return list(dict.fromkeys(self._file.read_text(encoding="utf-8").splitlines()))

    def watch(self) -> Undo:
        """Begin; the returned call ends it."""
        stack = ExitStack()
        # Whatever writes parameters, writes them by one of these.
        stack.callback(intercept_all(*((arrays, "save", self._save_arrays) for arrays in (mx.nd, mx.npx))))
        stack.callback(on_estimators(self._watch_estimators))
        stack.callback(on_module_files(self._note_as))
        return stack.close

    def _watch_estimators(self, base: type) -> Undo:
        return intercept_all(
            (base, "save", self._save_estimator), (base, "__getstate__", self._pickle_estimator)
        )

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
        self._add(f"wrote {path}")
        if not self._fold:
            return
        try:
            fold()
        except DOConvError as error:  # no reason to end a training
            self._add(f"did NOT write {target}: {error}")
        else:
            self._add(f"wrote {target}")

    def _add(self, note: str) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{note}\n")


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

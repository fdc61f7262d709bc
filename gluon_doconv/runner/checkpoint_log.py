"""Log what a script saves of DO-Conv networks, and write a folded copy beside each where that is wanted."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

from mxnet.gluon import Block

from ..core.convert import is_doconv
from ..errors import DOConvError
from ..files.fold import fold_params
from ..monkeypatch import Undo, wrap_method
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
        stack.callback(wrap_method(Block, "save_parameters", self._save_parameters))
        stack.callback(on_estimators(self._watch_estimators))
        stack.callback(on_module_files(self._note_as))
        return stack.close

    def _watch_estimators(self, base: type) -> Undo:
        stack = ExitStack()
        stack.callback(wrap_method(base, "save", self._save_estimator))
        stack.callback(wrap_method(base, "__getstate__", self._pickle_estimator))
        return stack.close

    def _save_parameters(
        self, original: Callable[..., None], net: Block, filename: str, *args: Any, **kwargs: Any
    ) -> None:
        original(net, filename, *args, **kwargs)
        if is_doconv(net) and not self._in_pickle:
            self._note(Path(filename), fold_params)

    def _save_estimator(self, original: Callable[..., None], estimator: Any, filename: str) -> None:
        original(estimator, filename)
        if has_doconv_network(estimator):
            self._note(Path(filename), fold_estimator)

    def _pickle_estimator(self, original: Callable[..., dict], estimator: Any) -> dict:
        """What an estimator writes meanwhile is a temporary file, and becomes part of its pickle."""
        self._in_pickle = True
        try:
            return original(estimator)
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

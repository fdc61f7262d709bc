"""Pretrained weights from a local folder, where GluonCV's and MXNet's model zoos would download them."""

from __future__ import annotations

from pathlib import Path

from ..calls import Call
from ..errors import DOConvError
from ..monkeypatch import Undo, intercept


def serve_weights(folder: Path | None) -> Undo:
    """Let both model zoos find pretrained files in ``folder``; the returned call undoes it.

    A file is found by the name a zoo gives it, ``NAME-HASH.params``, or as ``NAME.params``; it may be a plain
    or a DO-Conv file. Without a folder they download as ever, but if that fails the error names the file.
    """
    from gluoncv.model_zoo import model_store
    from mxnet.gluon.model_zoo import model_store as model_store_of_mxnet

    def get_model_file(call: Call) -> str:
        name = call["name"]
        if folder is not None:
            return str(_find(folder, name))
        try:
            path: str = call()
            return path
        except OSError as error:  # requests' errors are OSErrors
            raise DOConvError(
                f"the pretrained weights of {name} could not be downloaded ({type(error).__name__}); put "
                f"{name}.params into a folder and give it with --weights"
            ) from error

    undos = [
        intercept(store, "get_model_file", get_model_file) for store in (model_store, model_store_of_mxnet)
    ]

    def undo() -> None:
        for one in undos:
            one()

    return undo


def _find(folder: Path, name: str) -> Path:
    candidates = [folder / f"{name}.params", *sorted(folder.glob(f"{name}-????????.params"))]
    for path in candidates:
        if path.is_file():
            return path
    present = ", ".join(sorted(path.name for path in folder.glob("*.params"))) or "no .params file at all"
    raise DOConvError(f"{folder} has no {name}.params (or {name}-HASH.params); it has {present}")

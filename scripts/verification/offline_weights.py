"""Random parameters where GluonCV would download pretrained ones.

``python -m verification.offline_weights NAME FILE``

They are made in a process of their own, so that making them leaves no trace in the one that asks for them: no
patch reaches them, and names and random numbers there are what they were.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

from gluon_doconv.compat.workarounds import apply_workarounds
from gluon_doconv.files.params import write_parameters
from gluon_doconv.monkeypatch import Undo

from gluoncv.model_zoo import model_store

from .networks import build, initialize, inputs, predict
from .processes import ProcessError, environment_with, run


def serve(folder: Path) -> Undo:
    """Have GluonCV find random parameters in ``folder``, made at the first request; return what undoes it."""
    download = model_store.get_model_file
    model_store.get_model_file = functools.partial(find_or_make, folder)
    return functools.partial(setattr, model_store, "get_model_file", download)


def find_or_make(folder: Path, name: str, *_: Any, **__: Any) -> str:
    """Return the file of random parameters for a network of the zoo, ``NAME.params`` in ``folder``.

    Raises
    ------
    RuntimeError
        If none could be made, with the reason in a line.
    """
    file = folder / f"{name}.params"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "verification.offline_weights", name, file]
        try:
            run(command, file.with_suffix(".log"), environment=environment_with())
        except ProcessError as error:
            raise RuntimeError(f"no random parameters for {name} could be made: {error}") from error
    return str(file)


def make(name: str, file: Path) -> None:
    """Write random parameters of a stock network of the zoo."""
    apply_workarounds()
    serve(file.parent)  # those of its backbone
    net = initialize(build(name))
    predict(net, inputs(name))  # so that every shape is known
    write_parameters(file, net)


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))

"""The estimators of ``gluoncv.auto``: what they pickle of a DO-Conv network, and of a folded one.

An estimator writes its network's parameter file and its Trainer's states into its pickle. To read them back
it builds the network anew, and ignores what the file has besides: every D, where that network is a plain one.
"""

from __future__ import annotations

import copy
import pickle
from io import BytesIO
from pathlib import Path
from tempfile import gettempdir
from types import ModuleType
from typing import Any, Callable

from ..calls import Call
from ..core.convert import fold, is_doconv
from ..disk.atomic import write_files
from ..errors import DOConvError
from ..files import params_format
from ..monkeypatch import Undo, intercept, when_imported
from .state import is_patched

BASE = "gluoncv.auto.estimators.base_estimator"


class DOConvParameters(bytes):
    """The parameter file of a DO-Conv network, in an estimator's pickle.

    It can only be read back where a network with D is built for it.
    """

    def __reduce__(self) -> tuple[Callable[[bytes], DOConvParameters], tuple[bytes]]:
        return read_doconv_parameters, (bytes(self),)


def read_doconv_parameters(parameters: bytes) -> DOConvParameters:
    """Read a parameter file back from an estimator's pickle, which names this function: it keeps its name.

    Raises
    ------
    DOConvError
        If GluonCV is not patched: the estimator would build a plain network, and every D be ignored.
    """
    if not is_patched():
        raise DOConvError(
            "this estimator was saved with DO-Conv, and without the patch its D would be ignored: call "
            "gluon_doconv.patch() before loading it, or load it under gluon-doconv run; to have it without "
            "gluon_doconv, fold it there (gluon_doconv.fold(estimator.net)) and save it again"
        )
    return DOConvParameters(parameters)


def hook_estimators() -> Undo:
    """Have estimators pickle their state so that it cannot be read back wrongly; what is returned undoes it."""
    return on_estimators(lambda base: intercept(base, "__getstate__", _state))


def on_estimators(change: Callable[[type], Undo]) -> Undo:
    """Call ``change`` with the class of all estimators, once it is imported."""

    def change_base(module: ModuleType) -> Undo:
        return change(module.BaseEstimator)

    return when_imported(BASE, change_base)


def has_doconv_network(estimator: Any) -> bool:
    """Tell whether the network of an estimator, which may have none yet, is a DO-Conv one."""
    return estimator.net is not None and is_doconv(estimator.net)


def fold_estimator(estimator: Any, target: Path) -> None:
    """Write a copy of an estimator with its network folded: what stock GluonCV can load.

    Raises
    ------
    DOConvError
        If GluonCV is not patched, or if a W or D is not finite; nothing is written then.
    """
    copied = pickle.loads(pickle.dumps(estimator))  # nothing is loaded that this process has not just written
    fold(copied.net)
    write_files({target: [pickle.dumps(copied)]})


def _state(call: Call) -> dict:
    estimator, state = call.instance, call()
    if not isinstance(state.get("net"), bytes):
        return state
    _require_whole(state["net"])
    if has_doconv_network(estimator):
        return {**state, "net": DOConvParameters(state["net"])}
    return {**state, **_without_folded(state)}


def _require_whole(parameters: bytes) -> None:
    """Refuse what MXNet has not written whole into a temporary file, without a word."""
    try:
        params_format.check(BytesIO(parameters))
    except ValueError as error:
        raise DOConvError(f"the network was not written whole ({error}): is {gettempdir()} full?") from error


def _without_folded(state: dict) -> dict:
    """The network that an estimator was made with, folded where its own is: it goes into the pickle, too."""
    custom = state.get("_custom_net")
    if custom is None or not is_doconv(custom):
        return {}
    folded = copy.deepcopy(custom)
    fold(folded)
    return {"_custom_net": folded}

"""Fail closed: a training that was to be one with DO-Conv, and is not, stops before its first step."""

from __future__ import annotations

from math import prod
from typing import Any

from mxnet.gluon import ParameterDict, Trainer
from mxnet.gluon.parameter import Parameter

from ..calls import Call
from ..core import names
from ..errors import DOConvError
from ..monkeypatch import Undo, intercept
from .state import networks_so_far


def refuse_plain_trainers(likely_reason: str) -> Undo:
    """Refuse a Trainer of convolutions none of which is DO-Conv; what is returned undoes that.

    ``likely_reason`` is a sentence for the error; the networks with DO-Conv so far are listed after it.
    """

    def make_trainer(call: Call) -> None:
        parameters = _parameters(call["params"])
        kernels = [p for p in parameters if p.shape and len(p.shape) > 2 and prod(p.shape[2:]) > 1]
        if kernels and not any(names.is_d(p.name) for p in parameters):
            raise DOConvError(
                f"this training would go without DO-Conv: its Trainer is given {len(parameters)} parameters, "
                f"such as {kernels[0].name}, and no D. {likely_reason} Networks with DO-Conv so far: "
                f"{networks_so_far()}."
            )
        call()

    return intercept(Trainer, "__init__", make_trainer)


def _parameters(given: Any) -> list[Parameter]:
    """List the Parameters that a Trainer is given; what a Trainer does not take is for itself to refuse."""
    listed = list(given.values()) if isinstance(given, (dict, ParameterDict)) else given
    return [one for one in listed if isinstance(one, Parameter)] if isinstance(listed, (list, tuple)) else []

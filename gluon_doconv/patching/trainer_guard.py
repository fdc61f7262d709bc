"""Fail closed: a training that was to be one with DO-Conv, and is not, stops.

A Trainer of plain convolutions is nobody's mistake where there is a DO-Conv network beside it: a discriminator,
a head with a rate of its own. Where there is none so far, it is refused. Where there is one that no Trainer was
ever given, the end of the training says so.
"""

from __future__ import annotations

from math import prod
from typing import Any

from mxnet.gluon import ParameterDict, Trainer
from mxnet.gluon.parameter import Parameter

from ..calls import Call
from ..core.coupling import has_d
from ..errors import DOConvError
from ..monkeypatch import Undo, intercept
from .converter import Converter
from .state import converters_in_force, networks_so_far


def guard_trainers(likely_reason: str) -> Undo:
    """Look at every Trainer that is made, and refuse those that cannot but be a mistake.

    Parameters
    ----------
    likely_reason : a sentence for the error

    Returns
    -------
    What ends it.
    """

    def make_trainer(call: Call) -> None:
        parameters = given_parameters(call["params"])
        kernels = [p for p in parameters if p.shape and len(p.shape) > 2 and prod(p.shape[2:]) > 1]
        if kernels and not has_d(parameters) and not networks_so_far():
            raise DOConvError(
                f"this training would go without DO-Conv: its Trainer is given {kernels[0].name} and others, "
                f"and no network has DO-Conv so far. {likely_reason}"
            )
        call()
        for converter in converters_in_force():
            converter.trainings.doconv |= has_d(parameters)
            converter.trainings.plain += [kernel.name for kernel in kernels[:1] if not has_d(parameters)]

    return intercept(Trainer, "__init__", make_trainer)


def require_doconv_trained(converter: Converter) -> None:
    """Raise :class:`DOConvError` if Trainers were given convolutions, and none with DO-Conv."""
    trainings = converter.trainings
    if trainings.plain and not trainings.doconv:
        raise DOConvError(
            f"nothing was trained with DO-Conv: no Trainer was given a network that has it, such as "
            f"{networks_so_far()}, and {len(trainings.plain)} were given others (with "
            f"{', '.join(trainings.plain[:3])})"
        )


def given_parameters(given: Any) -> list[Parameter]:
    """List the Parameters that a Trainer is given; what a Trainer does not take is for itself to refuse."""
    listed = list(given.values()) if isinstance(given, (dict, ParameterDict)) else given
    return [one for one in listed if isinstance(one, Parameter)] if isinstance(listed, (list, tuple)) else []

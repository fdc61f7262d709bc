"""Networks that GluonCV does not build: Blocks of a script's own, those of ``mxnet.gluon.model_zoo``."""

from __future__ import annotations

from mxnet.gluon import Trainer

from ..calls import Call
from ..core.coupling import d_of
from ..core.owners import outermost_with
from ..monkeypatch import Undo, intercept
from .build_hook import BUILDERS
from .converter import Converter
from .trainer_guard import given_parameters


def convert_trained(converter: Converter) -> Undo:
    """From now on give DO-Conv to every network whose weights a Trainer is given, if GluonCV did not build it.

    That is the outermost Block that holds them. What is never trained, as the network in a loss, stays plain.
    The returned call undoes it.
    """

    def make_trainer(call: Call) -> None:
        plain = [each for each in given_parameters(call["params"]) if d_of(each) is None]
        for net in outermost_with(plain):
            if not type(net).__module__.startswith(BUILDERS):
                converter(net)
        call()

    return intercept(Trainer, "__init__", make_trainer)

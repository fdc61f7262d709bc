"""What becomes of a Gluon Trainer when Parameters come, go and change their shape under it.

A Trainer files optimiser states and kvstore entries by a Parameter's position in its list.
"""

from __future__ import annotations

from mxnet.gluon.parameter import Parameter


def join(d: Parameter, weight: Parameter) -> None:
    """Have the Trainer of ``weight``, if it has one, train ``d`` too.

    A former D of this name, one that was folded, gives up its place.
    """
    trainer = weight._trainer
    if trainer is None or d._trainer is trainer:
        return
    index = trainer._param2idx.setdefault(d.name, len(trainer._params))
    former = trainer._params[index : index + 1]
    trainer._params[index : index + 1] = [d]
    trainer._params_to_init = [*_without(former, trainer._params_to_init), d]
    trainer._optimizer.param_dict[index] = d
    d._set_trainer(trainer)
    if former:
        replaced(d, resized=True)


def leave(d: Parameter) -> None:
    """Take a ``d`` that never had values, hence no optimiser states, out of its Trainer."""
    trainer = d._trainer
    if trainer is None:
        return
    trainer._params = _without([d], trainer._params)
    trainer._params_to_init = _without([d], trainer._params_to_init)
    trainer._param2idx = {parameter.name: i for i, parameter in enumerate(trainer._params)}
    trainer._optimizer.param_dict = dict(enumerate(trainer._params))
    d._set_trainer(None)


def replaced(parameter: Parameter, resized: bool) -> None:
    """Forget what the Trainer of ``parameter`` knew of its former values.

    Optimiser states have its former shape, and a kvstore holds a copy of its former values.
    """
    trainer = parameter._trainer
    if trainer is None:
        return
    if resized:
        for updater in trainer._updaters:
            updater.states.pop(trainer._param2idx[parameter.name], None)
    if trainer._kv_initialized and (resized or trainer._update_on_kvstore):
        trainer._reset_kvstore()


def _without(unwanted: list[Parameter], parameters: list[Parameter]) -> list[Parameter]:
    return [parameter for parameter in parameters if parameter not in unwanted]

"""What becomes of a Gluon Trainer when Parameters come, go and change their shape under it.

A Trainer files optimiser states and kvstore entries by a Parameter's position in its list.
"""

from __future__ import annotations

from typing import Any, Mapping

import mxnet as mx
from mxnet.gluon import Trainer
from mxnet.gluon.parameter import Parameter

from ..errors import DOConvError
from .coupling import CoupledWeight, DepthwiseKernel, d_of


def with_ds(params: Any) -> Any:
    """Put every D where its weight is, and take it out where that is not, among what a Trainer is given.

    Returns
    -------
    ``params`` itself if it agrees with that already; otherwise a list in its order, each D after its weight.
    """
    given = [params[key] for key in sorted(params.keys())] if hasattr(params, "keys") else params
    if not isinstance(given, (list, tuple)):
        return params
    wanted = {id(d_of(parameter)) for parameter in given if isinstance(parameter, CoupledWeight)}
    found = {id(parameter) for parameter in given if isinstance(parameter, DepthwiseKernel)}
    if wanted == found:
        return params
    plain = [parameter for parameter in given if not isinstance(parameter, DepthwiseKernel)]
    return [each for parameter in plain for each in (parameter, d_of(parameter)) if each is not None]


def join(d: Parameter, weight: Parameter) -> None:
    """Have the Trainer of ``weight``, if it has one, train ``d`` too."""
    trainer = weight._trainer
    if trainer is None or d._trainer is trainer:
        return
    index = trainer._param2idx[d.name] = len(trainer._params)
    trainer._params.append(d)
    trainer._params_to_init.append(d)
    trainer._optimizer.param_dict[index] = d
    d._set_trainer(trainer)


def leave(d: Parameter) -> None:
    """Take ``d`` out of its Trainer, which then is that of the plain network: its states are filed anew."""
    trainer = d._trainer
    if trainer is None:
        return
    former = trainer._params
    trainer._params = _without([d], former)
    trainer._params_to_init = _without([d], trainer._params_to_init)
    trainer._param2idx = {parameter.name: i for i, parameter in enumerate(trainer._params)}
    trainer._optimizer.param_dict = dict(enumerate(trainer._params))
    positions = {old: trainer._param2idx[p.name] for old, p in enumerate(former) if p is not d}
    for updater in trainer._updaters:
        updater.states = _renumbered(updater.states, positions)
        updater.states_synced = _renumbered(updater.states_synced, positions)
    counts = trainer._optimizer._all_index_update_counts
    for device in counts:
        counts[device] = _renumbered(counts[device], positions)
    trainer._optimizer._set_current_context(0)  # which holds on to one of the counts
    d._set_trainer(None)
    if trainer._kv_initialized:
        _renew_kvstore(trainer)


def _renumbered(filed: dict[Any, Any], positions: Mapping[int, int]) -> dict[Any, Any]:
    """What was filed by position, under the ``positions`` that there are now."""
    return {positions[old]: value for old, value in filed.items() if old in positions}


def refuse_distributed(parameter: Parameter, shape: tuple[int, ...]) -> None:
    """Refuse what :func:`forget_state_of` cannot do: the servers of a distributed kvstore keep their values.

    Raises
    ------
    DOConvError
        If they hold values of ``parameter``, or only its shape and that is not ``shape``.
    """
    trainer = parameter._trainer
    if trainer is None or not (trainer._kv_initialized and trainer._distributed):
        return
    if trainer._update_on_kvstore or parameter.shape != shape:
        raise DOConvError(
            f"{parameter.name} is being trained with a distributed kvstore, which would go on with its former "
            "values. Save the parameters and fold the file (fold_params), or export the network."
        )


def forget_state_of(parameter: Parameter, resized: bool) -> None:
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
        _renew_kvstore(trainer)


def _renew_kvstore(trainer: Trainer) -> None:
    """Tell the parameters to a fresh kvstore: one that was given as an object is told them only once."""
    given = trainer._kvstore_params["kvstore"]
    if isinstance(given, mx.kvstore.KVStoreBase):
        trainer._kvstore_params["kvstore"] = mx.kvstore.create(given.type)
    trainer._reset_kvstore()


def _without(unwanted: list[Parameter], parameters: list[Parameter]) -> list[Parameter]:
    return [parameter for parameter in parameters if parameter not in unwanted]

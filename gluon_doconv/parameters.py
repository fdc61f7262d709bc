"""What DO-Conv does to Gluon Parameters, and to the Trainer that holds them."""

from __future__ import annotations

from typing import Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon.parameter import Parameter

from . import operators
from .errors import DOConvError


def is_initialized(parameter: Parameter) -> bool:
    """Whether ``parameter`` holds values already, rather than none or a deferred initialisation."""
    return parameter._data is not None


def first_copy(parameter: Parameter) -> mx.nd.NDArray:
    """The values of ``parameter`` on the first of its contexts; all hold the same."""
    return parameter.list_data()[0]


def resize(parameter: Parameter, shape: tuple) -> None:
    """Change the shape of a Parameter that holds no values yet."""
    parameter._shape = tuple(shape)


def assign(parameter: Parameter, value: mx.nd.NDArray) -> None:
    """Give ``parameter`` the shape and the values of ``value``, in fresh arrays on every context.

    The arrays are fresh because oneDNN may hold the old ones in a blocked layout, in which no operator but
    the convolution can read them; ``Parameter.set_data`` would keep them.
    """
    resize(parameter, value.shape)
    with mx.autograd.pause():
        parameter._init_impl(value, parameter.list_ctx())
    trainer = parameter._trainer
    if trainer is not None and trainer._kv_initialized and trainer._update_on_kvstore:
        trainer._reset_kvstore()  # it holds a copy of the old values


def refresh(parameter: Parameter) -> None:
    """Move the values of ``parameter`` into fresh arrays (see :func:`assign`)."""
    if is_initialized(parameter):
        parameter.reset_ctx(parameter.list_ctx())


def initialize_beside(d: Parameter, weight: Parameter) -> None:
    """Initialise ``d`` where ``weight`` is: on its contexts, deferred if its shape is not known yet."""
    if is_initialized(weight) or weight._deferred_init:
        d.initialize(ctx=weight.list_ctx())


def join_trainer(d: Parameter, weight: Parameter) -> None:
    """Let the Trainer that optimises ``weight``, if there is one, optimise ``d`` as well."""
    trainer = weight._trainer
    if trainer is None or d.name in trainer._param2idx:
        return
    index = len(trainer._params)
    trainer._param2idx[d.name] = index
    trainer._params.append(d)
    trainer._params_to_init.append(d)
    trainer._optimizer.param_dict[index] = d
    d._set_trainer(trainer)


def leave_trainer(d: Parameter) -> None:
    """Let the Trainer pass over ``d``, which no network uses any more.

    It keeps its place in the Trainer's list: optimiser states are filed by position.
    """
    d.grad_req = "null"


def fold_checked(
    weight: mx.nd.NDArray, d: mx.nd.NDArray, kernel_size: Sequence[int], weight_name: str, d_name: str
) -> mx.nd.NDArray:
    """Fold W and D into W', refusing values that are not finite.

    Raises
    ------
    DOConvError
        Naming the parameter that holds a NaN or an infinity, or saying that W' overflows.
    """
    _require_finite(weight, weight_name)
    _require_finite(d, d_name)
    with mx.autograd.pause():
        folded = operators.fold(weight, d, kernel_size)
    _require_finite(folded, f"W' of {weight_name}")
    return folded


def _require_finite(array: mx.nd.NDArray, name: str) -> None:
    bad = int(np.count_nonzero(~np.isfinite(array.asnumpy())))
    if bad:
        raise DOConvError(
            f"{name}: {bad} of {array.size} values are not finite; nothing was folded. "
            "Training diverged before this point: fold an earlier checkpoint."
        )

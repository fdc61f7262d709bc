"""The Parameters of an over-parameterized convolution: its D made and removed, its weight fitted and folded."""

from __future__ import annotations

from math import prod
from typing import Sequence

import mxnet as mx
from mxnet.gluon.parameter import Parameter, ParameterDict

from ..errors import DOConvError
from . import kernel, names, trainer
from .arrays import fold_checked, snapshot
from .config import DOConvConfig
from .coupling import DepthwiseKernel, couple, d_of, uncouple
from .initializers import INITIALIZERS
from .kernel import Geometry
from .semantics import as_in_force, semantics_of


def is_initialized(parameter: Parameter) -> bool:
    """Whether ``parameter`` holds values already, rather than none or a deferred initialisation."""
    return parameter._data is not None


def first_copy(parameter: Parameter) -> mx.nd.NDArray:
    """The values of ``parameter`` on the first of its contexts; all hold the same."""
    return parameter.list_data()[0]


def learn_shape(parameter: Parameter) -> Parameter:
    """Log ``parameter`` the shape of its values: in a SymbolBlock, one that was loaded does not know it."""
    if parameter.shape is None and is_initialized(parameter):
        parameter.shape = first_copy(parameter).shape
    return parameter


def resize(parameter: Parameter, shape: tuple[int, ...]) -> None:
    """Change the shape of a Parameter that holds no values yet, or is about to be given others."""
    parameter._shape = tuple(shape)
    parameter._var = None  # the variable it has shown to graphs so far carries the old shape


def assign(parameter: Parameter, value: mx.nd.NDArray) -> None:
    """Give ``parameter`` the shape and the values of ``value``, in fresh arrays on every context.

    The arrays are fresh because oneDNN may hold the old ones in a blocked layout, in which no operator but
    the convolution can read them; ``Parameter.set_data`` would keep them.
    """
    resized = parameter.shape != value.shape
    resize(parameter, value.shape)
    with mx.autograd.pause(), semantics_of(first_copy(parameter)):
        parameter._init_impl(as_in_force(value), parameter.list_ctx())
    trainer.forget_state_of(parameter, resized)


def refresh(parameter: Parameter) -> None:
    """Move the values of ``parameter`` into fresh arrays (see :func:`assign`)."""
    parameter._var = None  # the variable it has shown to graphs so far may carry a shape half known
    if is_initialized(parameter):
        parameter.reset_ctx(parameter.list_ctx())


def refuse_small_d_mul(weight: Parameter, kernel_size: Sequence[int], config: DOConvConfig) -> None:
    """Raise :class:`DOConvError` if a trained plain kernel would not fit into W."""
    patch = prod(kernel_size)
    if is_initialized(weight) and (config.d_mul or patch) < patch:
        raise DOConvError(
            f"{weight.name}: d_mul={config.d_mul} is below M·N={patch}: the trained kernel does not fit into "
            "so small a W. Build the layer anew with this d_mul, or choose one of at least M·N."
        )


def fit_weight(weight: Parameter, geometry: Geometry) -> None:
    """Make room in a plain ``weight`` for D_mul columns, keeping what a trained kernel computes."""
    if weight.shape is None:
        return
    shape = (*weight.shape[:2], *geometry.weight_tail)
    if weight.shape == shape:
        refresh(weight)
    elif is_initialized(weight):
        data = first_copy(weight)
        assign(weight, mx.nd.array(kernel.expand(snapshot(data), geometry.d_mul), dtype=data.dtype))
    else:
        resize(weight, shape)


def create_d(
    params: ParameterDict, weight: Parameter, geometry: Geometry, config: DOConvConfig
) -> DepthwiseKernel:
    """List the D of ``weight`` after it in ``params``; make one where there is none yet."""
    d = d_of(weight) or _couple_new_d(weight, geometry, config)
    list_after(params._params, weight.name, d.name, d)
    return d


def _couple_new_d(weight: Parameter, geometry: Geometry, config: DOConvConfig) -> DepthwiseKernel:
    """Make a D, initialized where ``weight`` is, and in its Trainer."""
    in_channels = max(0, weight._shape[1]) * geometry.groups if weight._shape else 0
    d = DepthwiseKernel(
        names.d_of(weight.name),
        geometry,
        wd_factor=config.d_wd_mult,
        shape=geometry.d_shape(in_channels),
        dtype=weight.dtype,
        init=INITIALIZERS[config.d_initializer],
        allow_deferred_init=True,
        grad_req=weight.grad_req,
        lr_mult=weight.lr_mult,
        wd_mult=weight.wd_mult,
    )
    couple(weight, d)
    if is_initialized(weight) or weight._deferred_init:
        d.initialize(ctx=weight.list_ctx())
    trainer.join(d, weight)
    return d


def list_after(listed: dict[str, Parameter], before: str, name: str, d: Parameter) -> None:
    """List ``d`` in an ordered dictionary right after the entry called ``before``; change it in place."""
    entries = [(key, value) for key, value in listed.items() if key != name]
    listed.clear()
    for key, value in entries:
        listed[key] = value
        if key == before:
            listed[name] = d


def fold_parameters(weight: Parameter, d: Parameter, kernel_size: Sequence[int]) -> mx.nd.NDArray | None:
    """W' of two Parameters; None where they have no values yet and would start as the plain layer does.

    Raises
    ------
    DOConvError
        If W or D is not finite, if they have no values yet and folding would change their start, or if a
        distributed kvstore holds them.
    """
    if is_initialized(weight):
        trainer.refuse_distributed(weight, (*weight.shape[:2], *kernel_size))
        return fold_checked(first_copy(weight), first_copy(d), kernel_size, weight.name, d.name)
    if prod(d.shape[:-2]) != d.shape[-2] or not isinstance(d.init, mx.init.Zero):
        raise DOConvError(f"{weight.name} and {d.name} have no values to fold; initialise the network first")
    return None


def remove_d(params: ParameterDict, d: Parameter, weight: Parameter, folded: mx.nd.NDArray | None) -> None:
    """Leave ``weight`` with the folded kernel, if it has not got it yet, and ``d`` to nobody."""
    params._params.pop(d.name)
    if d_of(weight) is not None:
        uncouple(weight)
    if folded is not None:
        assign(weight, folded)
    trainer.leave(d)

"""Plain arrays for a DO-Conv network: where they lack a D, it is the identity."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Mapping

import mxnet as mx
from mxnet.gluon import Block
from mxnet.gluon.parameter import Parameter, ParameterDict

from ..core import kernel, names
from ..core.coupling import DepthwiseKernel, d_of
from .params import Arrays, file_of, read_params_or_none


def with_identities(arrays: Arrays, parameters: Mapping[str, Parameter]) -> dict[str, mx.nd.NDArray]:
    """Complete arrays: where they have the weight of one of ``parameters`` and not its D, D is the identity.

    ``parameters`` go by the names that the arrays have. A weight that D_mul does not fit is fitted, and so is
    the D of a former file, in which M·N was one axis whatever D_mul was.
    """
    completed = {
        name: _with_kernel_axes(array, parameters[name]) if name in parameters else array
        for name, array in arrays.items()
    }
    ds = {id(parameter): name for name, parameter in parameters.items()}
    present = {id(parameters[name]) for name in arrays if name in parameters}
    for name in arrays:
        d = d_of(parameters[name]) if name in parameters else None
        weight = arrays[name]
        if d is None or id(d) in present or weight.shape[2:] != d.geometry.kernel_size:
            continue
        geometry = d.geometry
        shape = geometry.d_shape(weight.shape[1] * geometry.groups)
        completed[ds[id(d)]] = mx.nd.zeros(shape, dtype=weight.dtype)
        if geometry.d_mul > geometry.kernel_area:
            expanded = kernel.expand(weight.asnumpy(), geometry.d_mul)
            completed[name] = mx.nd.array(expanded, dtype=weight.dtype)
    return completed


def _with_kernel_axes(array: mx.nd.NDArray, parameter: Parameter) -> mx.nd.NDArray:
    if not isinstance(parameter, DepthwiseKernel) or array.ndim != 3:
        return array
    geometry, shape = parameter.geometry, array.shape
    wanted = geometry.d_shape(shape[2])
    is_former = shape != wanted and shape[:2] == (geometry.kernel_area, geometry.d_mul)
    return array.reshape(wanted) if is_former else array


def with_identities_by_name(arrays: Arrays, parameters: ParameterDict, prefix: str) -> dict[str, mx.nd.NDArray]:
    """Complete arrays under Gluon's names without ``prefix``, as ``ParameterDict.load_dict`` takes them."""
    kinds = {names.without_kind(name): name for name in arrays}
    plain = {prefix + name: arrays[given] for name, given in kinds.items()}
    completed = with_identities(plain, parameters)
    return {kinds.get(name[len(prefix) :], name[len(prefix) :]): array for name, array in completed.items()}


@contextmanager
def completed_file(net: Block, path: str) -> Iterator[str]:
    """A file to load into ``net`` in place of ``path``, in which each D that ``path`` lacks is the identity."""
    found = read_params_or_none(path)
    if found is None:
        yield path
        return
    arrays = with_structural_names(found, net)
    completed = with_identities(arrays, net._collect_params_with_prefix())
    if all(array is found.get(name) for name, array in completed.items()):
        yield path
        return
    with file_of(completed, path) as temporary:
        yield temporary


def with_structural_names(arrays: Arrays, net: Block) -> dict[str, mx.nd.NDArray]:
    """Files of ``export`` and of old GluonCV use Gluon's own names; those of ``save_parameters`` do not."""
    parameters = net._collect_params_with_prefix()
    plain = {names.without_kind(name): array for name, array in arrays.items()}
    if any("." in name for name in plain):
        return plain
    structural = {parameter.name: name for name, parameter in parameters.items()}
    structural.update({name[len(net.prefix) :]: structural[name] for name in list(structural)})
    return {structural.get(name, name): array for name, array in plain.items()}

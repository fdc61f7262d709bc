"""Plain arrays for a DO-Conv network: where they lack a D, it is the identity."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import Iterator, Mapping

import mxnet as mx
from mxnet.gluon import Block
from mxnet.gluon.parameter import Parameter, ParameterDict

from ..core import kernel, names
from ..core.coupling import d_of
from .params import Arrays


def with_identities(arrays: Arrays, parameters: Mapping[str, Parameter]) -> dict[str, mx.nd.NDArray]:
    """Complete arrays: where they have the weight of one of ``parameters`` and not its D, D is the identity.

    ``parameters`` go by the names that the arrays have. A weight that D_mul does not fit is fitted.
    """
    completed = dict(arrays)
    ds = {id(parameter): name for name, parameter in parameters.items()}
    present = {id(parameters[name]) for name in arrays if name in parameters}
    for name in arrays:
        d = d_of(parameters[name]) if name in parameters else None
        weight = arrays[name]
        if d is None or id(d) in present or weight.shape[2:] != d.geometry.kernel_size:
            continue
        area, d_mul = d.geometry.kernel_area, d.geometry.d_mul
        shape = (area, d_mul, weight.shape[1] * d.geometry.groups)
        completed[ds[id(d)]] = mx.nd.zeros(shape, dtype=weight.dtype)
        if d_mul > area:
            completed[name] = mx.nd.array(kernel.expand(weight.asnumpy(), d_mul), dtype=weight.dtype)
    return completed


def with_identities_by_name(arrays: Arrays, parameters: ParameterDict, prefix: str) -> dict[str, mx.nd.NDArray]:
    """Complete arrays under Gluon's names without ``prefix``, as ``ParameterDict.load_dict`` takes them."""
    kinds = {names.without_kind(name): name for name in arrays}
    plain = {prefix + name: arrays[given] for name, given in kinds.items()}
    completed = with_identities(plain, parameters)
    return {kinds.get(name[len(prefix) :], name[len(prefix) :]): array for name, array in completed.items()}


@contextmanager
def completed_file(net: Block, path: str) -> Iterator[str]:
    """A file to load into ``net`` in place of ``path``, in which each D that ``path`` lacks is the identity."""
    found = mx.nd.load(path) if os.path.isfile(path) else None
    if not isinstance(found, dict):  # whoever loads it says what is wrong
        yield path
        return
    arrays = with_structural_names(found, net)
    completed = with_identities(arrays, net._collect_params_with_prefix())
    if completed.keys() == found.keys():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, os.path.basename(path))
        mx.nd.save(temporary, completed)
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

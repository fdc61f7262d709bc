"""A DO-Conv file makes DO-Conv what it is loaded into, where the selection had left it plain.

While GluonCV builds a network nobody knows what will stay of a part of it: the layers of a base become the
network's own, or their weights are copied, by position, into others, as those of images into kernels of videos.
So meanwhile a file is read folded, and the layers that the finished network has are given back their W and D.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Sequence
from weakref import WeakKeyDictionary

import mxnet as mx
import numpy as np
from mxnet.gluon import Block
from mxnet.gluon.parameter import Parameter

from ..calls import Call
from ..core.config import DOConvConfig
from ..core.convert import over_parameterize_convolutions
from ..core.convolutions import Convolution, find_convolutions
from ..core.parameters import assign, first_copy
from ..files.fold import Pair, find_pairs, fold_pairs
from ..files.identities import with_structural_names
from ..files.params import Arrays, file_of, read_params_or_none
from ..monkeypatch import Undo, intercept
from .build_hook import is_building
from .state import PATCHES


class _Kernels(NamedTuple):
    """What a file has of one kernel, and what it folds to."""

    weight: mx.nd.NDArray
    d: mx.nd.NDArray
    folded: mx.nd.NDArray


_read: WeakKeyDictionary[Parameter, _Kernels] = WeakKeyDictionary()  # folded, while networks are built


def load_d_of_files() -> Undo:
    """Have ``Block.load_parameters`` give a network each D that only a file has. Returns the undo."""
    return intercept(Block, "load_parameters", _load_parameters)


def _load_parameters(call: Call) -> None:
    net, filename = call.instance, call["filename"]
    found = read_params_or_none(filename) if isinstance(filename, str) else None
    arrays = {} if found is None else with_structural_names(found, net)
    pairs = find_pairs(arrays)
    if not pairs:
        return call()
    convolutions = find_convolutions(net)
    if PATCHES.converter is not None and is_building() and all(each.d is None for each in convolutions):
        return _load_folded(call, arrays, pairs, convolutions)
    names = {id(parameter): name for name, parameter in net._collect_params_with_prefix().items()}
    ds = {pair.weight: arrays[pair.d] for pair in pairs}
    named = ((each, names[id(each.weight)]) for each in convolutions if each.d is None)
    _over_parameterize(net, convolutions, [(each, ds[name]) for each, name in named if name in ds])
    call()


def _load_folded(
    call: Call, arrays: Arrays, pairs: Sequence[Pair], convolutions: Sequence[Convolution]
) -> None:
    parameters = call.instance._collect_params_with_prefix()
    names = {id(parameter): name for name, parameter in parameters.items()}
    sizes = {names[id(each.weight)]: each.kernel_size for each in convolutions}
    sized = [replace(pair, kernel_size=sizes.get(pair.weight, pair.kernel_size)) for pair in pairs]
    folded = fold_pairs(arrays, sized)
    with file_of(folded, call["filename"]) as file:
        call(filename=file)
    for pair in pairs:
        if pair.weight in parameters:
            kernels = _Kernels(arrays[pair.weight], arrays[pair.d], folded[pair.weight])
            _read[parameters[pair.weight]] = kernels


def give_back(net: Block) -> None:
    """Give ``net``, now finished, W and D of what was read folded, where it has kept that."""
    if not _read:
        return
    convolutions = find_convolutions(net)
    read = [(each, _read[each.weight]) for each in convolutions if each.weight in _read]
    kept = [(each, kernels) for each, kernels in read if _holds(each.weight, kernels.folded)]
    _over_parameterize(net, convolutions, [(each, kernels.d) for each, kernels in kept])
    for each, kernels in kept:
        assert each.d is not None
        for parameter, value in ((each.weight, kernels.weight), (each.d, kernels.d)):
            assign(parameter, value.reshape(parameter.shape).astype(parameter.dtype))
    for each, _ in read:
        _read.pop(each.weight, None)


def _holds(parameter: Parameter, value: mx.nd.NDArray) -> bool:
    return np.array_equal(first_copy(parameter).asnumpy(), value.astype(parameter.dtype).asnumpy())


def _over_parameterize(
    net: Block, convolutions: Sequence[Convolution], ds: Sequence[tuple[Convolution, mx.nd.NDArray]]
) -> None:
    """Over-parameterize some of the ``convolutions`` of ``net`` as a D of each in a file asks for."""
    plan = [(each, DOConvConfig(d_mul=d.shape[-2])) for each, d in ds]
    over_parameterize_convolutions(net, convolutions, plan)

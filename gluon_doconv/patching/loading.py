"""``load_parameters`` of any network, as scripts call it, understands plain and DO-Conv files."""

from __future__ import annotations

import os
import tempfile
from typing import Sequence

import mxnet as mx
from mxnet.gluon import Block

from ..calls import Call
from ..core.config import DOConvConfig
from ..core.convert import over_parameterize_convolutions
from ..core.convolutions import Convolution, find_convolutions
from ..files.checkpoint import with_identities, with_structural_names
from ..files.fold import find_pairs
from ..files.params import Arrays
from ..monkeypatch import Undo, intercept


def load_any_form() -> Undo:
    """Replace ``Block.load_parameters``; what is returned undoes it.

    Where a network has a D and the file has none, it is the identity; where only the file has a D, the network
    is given it. What else a file lacks is the error it was.
    """
    return intercept(Block, "load_parameters", _load_parameters)


def _load_parameters(call: Call) -> None:
    net, filename = call.instance, call["filename"]
    found = mx.nd.load(filename) if isinstance(filename, str) and os.path.isfile(filename) else None
    if not isinstance(found, dict):
        return call()
    arrays = with_structural_names(found, net)
    convolutions = find_convolutions(net)
    over_parameterize_convolutions(net, convolutions, _with_d_in_file_only(net, convolutions, arrays))
    arrays = with_identities(arrays, net, [found for found in convolutions if found.d is not None])
    if arrays.keys() == found.keys():
        return call()
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, os.path.basename(filename))
        mx.nd.save(temporary, arrays)
        return call(filename=temporary)


def _with_d_in_file_only(
    net: Block, convolutions: Sequence[Convolution], arrays: Arrays
) -> list[tuple[Convolution, DOConvConfig]]:
    """Plain ones of the ``convolutions`` for which a DO-Conv file has a D, and the config that D asks for."""
    weights = {id(parameter): name for name, parameter in net._collect_params_with_prefix().items()}
    ds = {pair.weight: arrays[pair.d] for pair in find_pairs(arrays)}
    named = ((convolution, weights[id(convolution.weight)]) for convolution in convolutions)
    return [
        (convolution, DOConvConfig(d_mul=ds[weight].shape[1]))
        for convolution, weight in named
        if convolution.d is None and weight in ds
    ]

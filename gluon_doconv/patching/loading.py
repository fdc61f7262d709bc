"""A DO-Conv file makes DO-Conv what it is loaded into, where the selection had left it plain."""

from __future__ import annotations

from typing import Sequence

from mxnet.gluon import Block

from ..calls import Call
from ..core.config import DOConvConfig
from ..core.convert import over_parameterize_convolutions
from ..core.convolutions import Convolution, find_convolutions
from ..files.fold import find_pairs
from ..files.identities import with_structural_names
from ..files.params import Arrays, read_params_or_none
from ..monkeypatch import Undo, intercept


def load_d_of_files() -> Undo:
    """Have ``Block.load_parameters`` give a network each D that only a file has. Returns the undo."""
    return intercept(Block, "load_parameters", _load_parameters)


def _load_parameters(call: Call) -> None:
    net, filename = call.instance, call["filename"]
    found = read_params_or_none(filename) if isinstance(filename, str) else None
    if found is not None:
        arrays = with_structural_names(found, net)
        convolutions = find_convolutions(net)
        over_parameterize_convolutions(net, convolutions, _with_d_in_file_only(net, convolutions, arrays))
    call()


def _with_d_in_file_only(
    net: Block, convolutions: Sequence[Convolution], arrays: Arrays
) -> list[tuple[Convolution, DOConvConfig]]:
    """Plain ones of the ``convolutions`` for which a DO-Conv file has a D, and the config that D asks for."""
    weights = {id(parameter): name for name, parameter in net._collect_params_with_prefix().items()}
    ds = {pair.weight: arrays[pair.d] for pair in find_pairs(arrays)}
    named = ((convolution, weights[id(convolution.weight)]) for convolution in convolutions)
    return [
        (convolution, DOConvConfig(d_mul=ds[weight].shape[-2]))
        for convolution, weight in named
        if convolution.d is None and weight in ds
    ]

"""``load_parameters`` of any network, as scripts call it, understands plain and DO-Conv files."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Callable

import mxnet as mx
from mxnet.gluon import Block

from ..core.config import DOConvConfig
from ..core.convert import over_parameterize_convolutions
from ..core.convolutions import Convolution, find_convolutions
from ..files.checkpoint import with_identities, with_structural_names
from ..files.fold import find_pairs
from ..files.params import Arrays
from ..monkeypatch import Undo, shared, wrap_method


@shared
def load_any_form() -> Undo:
    """Replace ``Block.load_parameters``; what is returned undoes it.

    Where a network has a D and the file has none, it is the identity; where only the file has a D, the network
    is given it. What else a file lacks is the error it was.
    """
    return wrap_method(Block, "load_parameters", _load_parameters)


def _load_parameters(
    original: Callable[..., None], net: Block, filename: str, *args: Any, **kwargs: Any
) -> None:
    found = mx.nd.load(filename) if os.path.isfile(filename) else None
    if not isinstance(found, dict):
        return original(net, filename, *args, **kwargs)
    arrays = with_structural_names(found, net)
    over_parameterize_convolutions(net, _with_d_in_file_only(net, arrays))
    arrays = with_identities(arrays, net)
    if arrays.keys() == found.keys():
        return original(net, filename, *args, **kwargs)
    with tempfile.TemporaryDirectory() as folder:
        temporary = os.path.join(folder, os.path.basename(filename))
        mx.nd.save(temporary, arrays)
        return original(net, temporary, *args, **kwargs)


def _with_d_in_file_only(net: Block, arrays: Arrays) -> list[tuple[Convolution, DOConvConfig]]:
    """Plain convolutions of ``net`` for which a DO-Conv file has a D, and the config that D asks for."""
    names = {id(parameter): name for name, parameter in net._collect_params_with_prefix().items()}
    named = (
        (convolution, f"{names[id(convolution.weight)][: -len('weight')]}D")
        for convolution in find_convolutions(net)
    )
    pairs = {pair.d for pair in find_pairs(arrays)}
    return [
        (convolution, DOConvConfig(d_mul=arrays[d].shape[1]))
        for convolution, d in named
        if convolution.d is None and d in pairs
    ]

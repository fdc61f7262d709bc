"""``.params`` files and networks: load either form into a network, and turn a plain file into a DO-Conv one.

What tells the two forms apart, and how a file tells its kernel sizes, :mod:`.fold` says.
"""

from __future__ import annotations

import os
from typing import Any, Mapping

import mxnet as mx
import numpy as np
from mxnet.gluon import Block
from mxnet.gluon.parameter import Parameter

from ..core import names
from ..core.arguments import a_network, a_path, contexts, takes
from ..core.convert import require_doconv
from ..errors import DOConvError
from .fold import find_pairs, fold_pairs
from .identities import with_identities, with_structural_names
from .params import Arrays, file_of, read_params, write_params


@takes(source=a_path, target=a_path, net=a_network)
def over_parameterize_params(
    source: str | os.PathLike[str], target: str | os.PathLike[str], net: Block
) -> list[str]:
    """Turn a plain ``.params`` file into the DO-Conv file of a network, every D at the identity.

    Parameters
    ----------
    source, target : path
        The plain file, and the file to write, atomically.
    net : Block
        A DO-Conv network of the same architecture; its own values are not used and not changed.

    Returns
    -------
    list of str
        The names of the layers that were given a D.

    Raises
    ------
    DOConvError
        If ``net`` has no DO-Conv layer, or if the file does not fit it; nothing is written then.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> net.initialize()
    >>> _ = net(mx.nd.zeros((1, 3, 32, 32)))
    >>> net.save_parameters("plain.params")
    >>> _ = doconv.over_parameterize(net)
    >>> len(doconv.over_parameterize_params("plain.params", "doconv.params", net))
    19
    >>> doconv.inspect("doconv.params").kind
    'DO-Conv'
    """
    require_doconv(net)
    arrays = read_params(source)
    completed = match_to_network(arrays, net, source)
    write_params(target, completed)
    return [names.layer_of(name) for name in completed if name not in arrays]


@takes(net=a_network, path=a_path, ctx=contexts)
def load_parameters(
    net: Block, path: str | os.PathLike[str], ctx: mx.Context | list[mx.Context] | None = None, **kwargs: Any
) -> None:
    """Load a plain or a DO-Conv ``.params`` file into a DO-Conv network.

    A layer for which the file has no D starts from the identity: it computes what the plain layer computes.

    Parameters
    ----------
    net : Block
        A network with DO-Conv layers.
    path : path
        A file of ``save_parameters``.
    ctx : Context or list of Context, optional
        Where the values go, as in ``Block.load_parameters``.
    **kwargs
        ``allow_missing``, ``ignore_extra``, ``cast_dtype`` and ``dtype_source``, as there.

    Raises
    ------
    DOConvError
        If anything else is missing, superfluous or of another shape; it is named, and nothing is loaded.

    Examples
    --------
    >>> pretrained = get_model("cifar_resnet20_v1", classes=10)
    >>> pretrained.initialize()
    >>> images = mx.nd.random.normal(shape=(2, 3, 32, 32))
    >>> expected = pretrained(images).asnumpy()
    >>> pretrained.save_parameters("pretrained.params")
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> _ = doconv.over_parameterize(net)
    >>> doconv.load_parameters(net, "pretrained.params")
    >>> bool((net(images).asnumpy() == expected).all())
    True
    """
    require_doconv(net)
    _load(net, match_to_network(read_params(path), net, path, **kwargs), path, ctx, **kwargs)


def _load(
    net: Block,
    arrays: Arrays,
    path: str | os.PathLike[str],
    ctx: mx.Context | list[mx.Context] | None,
    **kwargs: Any,
) -> None:
    """Let the network load arrays as it would load a file: what it does then differs by class."""
    with file_of(arrays, path) as temporary:
        try:
            net.load_parameters(temporary, ctx=ctx, **kwargs)
        except (AssertionError, ValueError) as error:  # of devices; what else there is has been checked
            raise DOConvError(f"{path} cannot be loaded: {error}") from error


@takes()
def load_folded(
    net: Block, path: str | os.PathLike[str], ctx: mx.Context | list[mx.Context] | None = None
) -> None:
    """Load a plain or a DO-Conv ``.params`` file, folding it on the way, into a plain network.

    Raises
    ------
    DOConvError
        If the folded file does not fit ``net``; nothing is loaded then.
    """
    arrays = read_params(path)
    folded = fold_pairs(arrays, find_pairs(arrays))
    _load(net, match_to_network(folded, net, path), path, ctx)


def match_to_network(
    arrays: Arrays,
    net: Block,
    source: str | os.PathLike[str],
    allow_missing: bool = False,
    ignore_extra: bool = False,
    cast_dtype: bool = False,
    dtype_source: str = "current",
) -> dict[str, mx.nd.NDArray]:
    """The arrays of a plain or DO-Conv file, under structural names, with every D that ``net`` expects.

    ``source`` names the file in errors; the flags mean what they mean to ``Block.load_parameters``.

    Raises
    ------
    DOConvError
        If the arrays do not fit ``net``, beyond what the flags allow; every misfit is listed.
    """
    parameters = net._collect_params_with_prefix()
    arrays = with_identities(with_structural_names(arrays, net), parameters)
    found = {id(parameters[name]) for name in arrays if name in parameters}
    missing = [name for name, parameter in parameters.items() if id(parameter) not in found]
    extra = [name for name in arrays if name not in parameters]
    misfits = [
        *([] if allow_missing else [f"missing: {name}" for name in missing]),
        *([] if ignore_extra else [f"not in the network: {name}{_hint(name, arrays)}" for name in extra]),
        *_wrong_shapes(arrays, parameters),
        *([] if cast_dtype else _wrong_dtypes(arrays, parameters)),
    ]
    if misfits:
        raise DOConvError(f"{source} does not fit {net.name}; nothing was loaded\n  " + "\n  ".join(misfits))
    return arrays


def _wrong_shapes(arrays: Arrays, parameters: Mapping[str, Parameter]) -> list[str]:
    both = (
        (name, arrays[name].shape, parameter.shape) for name, parameter in parameters.items() if name in arrays
    )
    return [
        f"wrong shape: {name} is {found} in the file and {expected} in the network"
        for name, found, expected in both
        if expected is not None
        and (len(found) != len(expected) or any(e not in (0, f) for f, e in zip(found, expected)))
    ]


def _wrong_dtypes(arrays: Arrays, parameters: Mapping[str, Parameter]) -> list[str]:
    both = (
        (name, arrays[name].dtype, parameter.dtype) for name, parameter in parameters.items() if name in arrays
    )
    return [
        f"wrong dtype: {name} is {np.dtype(found).name} in the file and {np.dtype(expected).name} in the "
        "network; cast_dtype=True casts"
        for name, found, expected in both
        if np.dtype(found) != np.dtype(expected)
    ]


def _hint(name: str, arrays: Arrays) -> str:
    if names.weight_of(name, arrays):
        return " (the file is DO-Conv here and the network is not: over-parameterize it, or fold the file)"
    return ""

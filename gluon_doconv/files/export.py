"""Exported networks: fold a graph without its network's code, export a live network folded."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from ..core import names
from ..core.arguments import a_network, a_path, an_epoch, reason, takes
from ..core.convert import composing
from ..core.graph import Graph
from ..core.tracing import trace
from ..disk.atomic import write_files
from ..disk.reading import read_text
from ..errors import DOConvError
from . import symbol_format
from .fold import Pair, find_pairs, fold_pairs
from .params import Arrays, read_params
from .params_format import content


@takes(prefix=a_path, epoch=an_epoch, target_prefix=a_path)
def fold_checkpoint(prefix: str, epoch: int, target_prefix: str) -> list[str]:
    """Fold a checkpoint, ``PREFIX-symbol.json`` and ``PREFIX-EPOCH.params``, without its network's code.

    Parameters
    ----------
    prefix : str
        What ``HybridBlock.export`` or ``Module.save_checkpoint`` was given as path.
    epoch : int
        The number in the ``.params`` file's name.
    target_prefix : str
        What the two folded files are named by, the same epoch in both; may be ``prefix``.

    Returns
    -------
    list of str
        The names of the folded layers.

    Raises
    ------
    DOConvError
        If a file is missing or damaged, or has nothing to fold, or was traced by feature composition;
        nothing is written then.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> _ = doconv.over_parameterize(net)
    >>> net.initialize()
    >>> net.hybridize()
    >>> _ = net(mx.nd.zeros((1, 3, 32, 32)))
    >>> _ = net.export("exported")
    >>> len(doconv.fold_symbol("exported", 0, "plain"))
    19
    """
    symbol_file, params_file = checkpoint_files(prefix, epoch)
    symbol, arrays = read_symbol(symbol_file), read_params(params_file)
    pairs = find_pairs(arrays)
    if not pairs:
        raise DOConvError(f"{params_file} has no D beside any weight: it is a plain export, or folded already")
    folded_symbol, folded_arrays, layers = fold_graph(symbol, arrays, pairs)
    write_checkpoint(target_prefix, epoch, folded_symbol, folded_arrays)
    return layers


def fold_graph(
    symbol: mx.sym.Symbol, arrays: Arrays, pairs: Sequence[Pair]
) -> tuple[mx.sym.Symbol, dict[str, mx.nd.NDArray], list[str]]:
    """Fold a graph and its arrays (with or without ``arg:`` and ``aux:`` before their names).

    ``pairs`` are those that :func:`~gluon_doconv.files.fold.find_pairs` finds among the arrays.

    Returns
    -------
    The plain graph, node for node what the plain network exports; its arrays; the names of the layers.
    """
    graph = Graph(symbol)
    composed = [convolution for convolution in graph.convolutions() if convolution.d]
    for convolution in composed:
        graph.fold(convolution)
    plain = graph.symbol()
    inputs = set(plain.list_inputs())
    left = [name for name in inputs if names.weight_of(name, inputs)]
    if left:
        raise DOConvError(
            f"{left[0]} is not used by kernel composition: the graph was traced with composition='feature', "
            "which has no plain convolution to fold into. Fold the network or its .params file instead."
        )
    sizes = {convolution.layer: convolution.kernel_size for convolution in composed}
    sized = [
        replace(pair, kernel_size=sizes.get(names.without_kind(pair.layer), pair.kernel_size)) for pair in pairs
    ]
    return plain, fold_pairs(arrays, sized), list(sizes)


@takes(net=a_network, path=a_path, epoch=an_epoch)
def export(net: HybridBlock, path: str, epoch: int = 0) -> tuple[str, str]:
    """Export a network folded, as plain MXNet files; the live network is left as it is.

    Parameters
    ----------
    net : HybridBlock
        A network whose parameters have values; it need not be hybridized, nor have DO-Conv layers.
    path, epoch : str, int
        As in ``HybridBlock.export``: the files are ``PATH-symbol.json`` and ``PATH-EPOCH.params``.

    Returns
    -------
    (str, str)
        The two paths written, both atomically.

    Raises
    ------
    DOConvError
        If ``net`` cannot be traced or has no values yet, or if a D cannot be folded; nothing is written.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> _ = doconv.over_parameterize(net)
    >>> net.initialize()
    >>> _ = net(mx.nd.zeros((1, 3, 32, 32)))
    >>> doconv.export(net, "deploy")
    ('deploy-symbol.json', 'deploy-0000.params')
    >>> deployed = mx.gluon.SymbolBlock.imports("deploy-symbol.json", ["data"], "deploy-0000.params")
    >>> deployed(mx.nd.zeros((1, 3, 32, 32))).shape
    (1, 10)
    """
    symbol, arrays = folded_graph(net)
    return write_checkpoint(path, epoch, symbol, arrays)


def folded_graph(net: HybridBlock) -> tuple[mx.sym.Symbol, dict[str, mx.nd.NDArray]]:
    """Trace a live network, and fold its graph and its arrays; the network is left as it is."""
    with composing(net, "kernel") as changed:
        symbol = trace(net, afresh=changed)
    arrays = _arrays_of(net, symbol)
    return fold_graph(symbol, arrays, find_pairs(arrays))[:2]


def _arrays_of(net: HybridBlock, symbol: mx.sym.Symbol) -> dict[str, mx.nd.NDArray]:
    """The network's values under the names ``HybridBlock.export`` gives them."""
    auxiliary = set(symbol.list_auxiliary_states())
    used = set(symbol.list_inputs())
    parameters = {name: p for name, p in net.collect_params().items() if name in used}
    empty = [name for name, parameter in parameters.items() if parameter._data is None]
    if empty:
        raise DOConvError(f"{net.name} has no values yet ({empty[0]}): initialise it and run one batch")
    return {f"{'aux' if n in auxiliary else 'arg'}:{n}": p._reduce() for n, p in parameters.items()}


def checkpoint_files(prefix: str, epoch: int) -> tuple[str, str]:
    """Name the two files of a checkpoint, as MXNet does."""
    return f"{prefix}-symbol.json", f"{prefix}-{epoch:04d}.params"


def read_symbol(path: str) -> mx.sym.Symbol:
    """Read a ``-symbol.json`` file; raise :class:`DOConvError` if it is missing or damaged."""
    text = read_text(path)
    try:
        symbol_format.check(text)
        symbol = mx.sym.load_json(text)
        symbol_format.check_outputs(symbol.tojson(remove_amp_cast=False))
        return symbol
    except (ValueError, mx.MXNetError) as error:  # ValueError too where MXNet quotes bytes it could not read
        raise DOConvError(f"{path} is damaged, or not an exported graph: {reason(error)}") from error


def write_checkpoint(prefix: str, epoch: int, symbol: mx.sym.Symbol, arrays: Arrays) -> tuple[str, str]:
    """Write the two files of a checkpoint, both or none, and return their names."""
    symbol_file, params_file = checkpoint_files(prefix, epoch)
    write_files({symbol_file: [symbol.tojson().encode()], params_file: content(arrays)})
    return symbol_file, params_file

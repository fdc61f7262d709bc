"""Exported networks: fold a graph without its network's code, export a live network folded, ONNX."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..core import names
from ..core.arguments import a_dtype, a_network, a_path, an_epoch, one_or_more_shapes, takes
from ..core.convert import composing
from ..core.graph import Graph, trace
from ..errors import DOConvError
from .atomic import atomic
from .fold import Pair, find_pairs, fold_pairs
from .params import Arrays, read_params

ONNX_OPSET = 13  # the newest that MXNet's translations are written for


@takes(prefix=a_path, epoch=an_epoch, target_prefix=a_path)
def fold_symbol(prefix: str, epoch: int, target_prefix: str) -> list[str]:
    """Fold an exported network, ``PREFIX-symbol.json`` and ``PREFIX-EPOCH.params``, without its code.

    Parameters
    ----------
    prefix : str
        What ``HybridBlock.export`` was given as path.
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
    symbol_file, params_file = _names(prefix, epoch)
    symbol, arrays = _read_symbol(symbol_file), read_params(params_file)
    pairs = find_pairs(arrays)
    if not pairs:
        raise DOConvError(f"{params_file} has no D beside any weight: it is a plain export, or folded already")
    folded_symbol, folded_arrays, layers = fold_graph(symbol, arrays, pairs)
    _write(target_prefix, epoch, folded_symbol, folded_arrays)
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
    by_pair = {pair.layer: names.without_kind(pair.layer) for pair in pairs}
    known = {pair: sizes[layer] for pair, layer in by_pair.items() if layer in sizes}
    return plain, fold_pairs(arrays, pairs, known), list(sizes)


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
    symbol, arrays = _folded(net)
    return _write(path, epoch, symbol, arrays)


@takes(net=a_network, path=a_path, input_shape=one_or_more_shapes, dtype=a_dtype)
def export_onnx(
    net: HybridBlock, path: str, input_shape: Sequence[int] | Sequence[Sequence[int]], dtype: str = "float32"
) -> str:
    """Export a network folded, as ONNX of opset 13, checked with ``onnx.checker``; the live one stays.

    Parameters
    ----------
    net : HybridBlock
        As for :func:`~gluon_doconv.export`.
    path : str
        The ``.onnx`` file, written atomically.
    input_shape : sequence of int, or sequence of such sequences
        (N, C, H, W), or one shape for each input.
    dtype : str
        Of the inputs.

    Returns
    -------
    str
        ``path``

    Raises
    ------
    DOConvError
        If onnx is not installed or too new for MXNet, or an operator has no translation; nothing is written.

    Examples
    --------
    >>> net = get_model("cifar_resnet20_v1", classes=10)
    >>> _ = doconv.over_parameterize(net)
    >>> net.initialize()
    >>> _ = net(mx.nd.zeros((1, 3, 32, 32)))
    >>> doconv.export_onnx(net, "net.onnx", (1, 3, 32, 32))
    'net.onnx'
    """
    symbol, arrays = _folded(net)
    shapes: Any = input_shape  # by now one for each input
    with atomic(path) as (temporary,):
        _write_onnx(symbol, arrays, shapes, dtype, temporary)
    return path


def _folded(net: HybridBlock) -> tuple[mx.sym.Symbol, dict[str, mx.nd.NDArray]]:
    """The folded graph of a live network, and its arrays."""
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


def _names(prefix: str, epoch: int) -> tuple[str, str]:
    return f"{prefix}-symbol.json", f"{prefix}-{epoch:04d}.params"


def _read_symbol(path: str) -> mx.sym.Symbol:
    if not os.path.isfile(path):
        raise DOConvError(f"{path}: there is no such file")
    try:
        text = Path(path).read_text(encoding="utf-8")
        json.loads(text)  # MXNet's own parser overlooks a missing end
        return mx.sym.load_json(text)
    except (ValueError, mx.MXNetError) as error:  # ValueError too where MXNet quotes bytes it could not read
        raise DOConvError(f"{path} is damaged, or not an exported graph") from error


def _write(prefix: str, epoch: int, symbol: mx.sym.Symbol, arrays: Arrays) -> tuple[str, str]:
    targets = _names(prefix, epoch)
    with atomic(*targets) as (symbol_file, params_file):
        symbol.save(symbol_file)
        mx.nd.save(params_file, dict(arrays))
    return targets


def _write_onnx(
    symbol: mx.sym.Symbol, arrays: Arrays, shapes: list[tuple[int, ...]], dtype: str, path: str
) -> None:
    onnx = _import_onnx()
    params = {names.without_kind(name): array for name, array in arrays.items()}
    try:
        mx.onnx.export_model(symbol, params, shapes, np.dtype(dtype), path)
    except AttributeError as error:
        raise DOConvError(f"MXNet has no ONNX translation for this network: {error}") from error
    model = onnx.load(path)
    # MXNet stamps the newest opset of the installed onnx on what its older translations wrote.
    model.opset_import[0].version = ONNX_OPSET
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    _keep_only_data_inputs(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _keep_only_data_inputs(model: Any) -> None:
    """MXNet lists the parameters as inputs too; runtimes then take them for variable and fold nothing."""
    parameters = {initializer.name for initializer in model.graph.initializer}
    data = [value for value in model.graph.input if value.name not in parameters]
    del model.graph.input[:]
    model.graph.input.extend(data)


def _import_onnx() -> ModuleType:
    try:
        import onnx
        import onnx.mapping
    except ImportError as error:
        raise DOConvError(
            f"ONNX export needs onnx, at most 1.18 ({error}): pip install gluon_doconv[onnx]"
        ) from error
    return onnx

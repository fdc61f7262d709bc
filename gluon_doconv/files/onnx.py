"""A live network, folded, as ONNX."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ..core import names
from ..core.arguments import a_dtype, a_network, a_path, one_or_more_shapes, takes
from ..disk.atomic import temporary_folder, write_files
from ..errors import DOConvError
from .export import folded_graph
from .params import Arrays

ONNX_OPSET = 13  # the newest that MXNet's translations are written for


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
    symbol, arrays = folded_graph(net)
    shapes: Any = input_shape  # by now one for each input
    write_files({path: [_onnx(symbol, arrays, shapes, dtype)]})
    return path


def _onnx(symbol: mx.sym.Symbol, arrays: Arrays, shapes: list[tuple[int, ...]], dtype: str) -> bytes:
    onnx = _import_onnx()
    params = {names.without_kind(name): array for name, array in arrays.items()}
    with temporary_folder() as folder:
        path = str(folder / "model.onnx")
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
    written: bytes = model.SerializeToString()
    return written


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

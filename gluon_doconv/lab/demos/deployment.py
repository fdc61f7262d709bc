"""What becomes of a trained DO-Conv network: folded, in stock GluonCV, exported, by ONNX Runtime."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mxnet.gluon import HybridBlock, SymbolBlock

from ...errors import DOConvError
from ...files.export import export, export_onnx
from ...files.fold import fold_params
from ..evaluation import Outputs, Validation, context_of, predict
from .labels import DO_CONV


@dataclass(frozen=True)
class Deployed:
    """The trained DO-Conv network after folding, each way of running it against the unfolded one.

    Differences are the largest over all validation outputs, absolute; ``scale`` is the largest output. The
    one of ONNX Runtime, which sums in another order, is over the outputs that count for the scores; where ONNX
    cannot express the network, it is None and ``onnx_obstacle`` says why.
    """

    parameters: int
    scores: dict[str, float]
    folded_difference: float
    symbol_difference: float
    onnx_difference: float | None
    onnx_obstacle: str
    scale: float


def checkpoint(output: Path, label: str) -> Path:
    """Return where the trained network of this label is saved."""
    return output / f"{label.lower()}.params"


def deploy(net: HybridBlock, stock: HybridBlock, output: Path, validation: Validation) -> Deployed:
    """Fold the checkpoint of ``net``, a trained DO-Conv network, and run it in every other way there is.

    ``stock`` is the network as GluonCV builds it; it receives the folded parameters.
    """
    unfolded = predict(net, validation.inputs)
    fold_params(checkpoint(output, DO_CONV), output / "folded.params")
    stock.load_parameters(str(output / "folded.params"), ctx=context_of(net))
    folded = predict(stock, validation.inputs)
    symbol = _import_symbol(*export(net, str(output / "folded")))
    symbol.collect_params().reset_ctx(context_of(net))
    by_onnx, obstacle = _by_onnx(net, output / "folded.onnx", validation)
    return Deployed(
        parameters=count_parameters(stock),
        scores=validation.score(folded),
        folded_difference=largest_difference(folded, unfolded),
        symbol_difference=largest_difference(predict(symbol, validation.inputs), unfolded),
        onnx_difference=None if obstacle else largest_difference(by_onnx, validation.counted(unfolded)),
        onnx_obstacle=obstacle,
        scale=max(float(np.abs(array).max()) for arrays in unfolded for array in arrays),
    )


def largest_difference(a: Outputs, b: Outputs) -> float:
    """Compute the largest absolute difference between outputs; infinite where their shapes differ."""
    pairs = [(x, y) for xs, ys in zip(a, b) for x, y in zip(xs, ys)]
    if any(x.shape != y.shape for x, y in pairs):
        return float("inf")
    return max(float(np.abs(x - y).max(initial=0)) for x, y in pairs)


def count_parameters(net: HybridBlock) -> int:
    """Count the trained numbers: weights, biases, D; not the running statistics."""
    return sum(int(np.prod(p.shape)) for p in net.collect_params().values() if p.grad_req != "null")


def _import_symbol(symbol_file: str, params_file: str) -> SymbolBlock:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet: the exported graph does not name the dtype of its data
        return SymbolBlock.imports(symbol_file, ["data"], params_file)


def _by_onnx(net: HybridBlock, path: Path, validation: Validation) -> tuple[Outputs, str]:
    """What counts of the outputs of ONNX Runtime, or nothing and what stands in the way."""
    import onnxruntime

    try:
        export_onnx(net, str(path), validation.inputs[0].shape)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except (DOConvError, RuntimeError) as error:
        return [], str(error).splitlines()[0]
    return validation.counted([tuple(session.run(None, {"data": data})) for data in validation.inputs]), ""

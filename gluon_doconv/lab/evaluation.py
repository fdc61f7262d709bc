"""What a network computes of the validation images, and how it is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

Outputs = List[Tuple[np.ndarray, ...]]  # of a network, one tuple for each input


@dataclass(frozen=True)
class Validation:
    """What a network is measured on: inputs (B, C, H, W), and the scores of its outputs, in [0, 1] by name.

    The first score is the accuracy that is reported. ``counted`` keeps of the outputs what the scores depend
    on, in an order of its own.
    """

    inputs: Sequence[np.ndarray]
    score: Callable[[Outputs], dict[str, float]]
    counted: Callable[[Outputs], Outputs] = lambda outputs: outputs


def top_1(inputs: Sequence[np.ndarray], labels: np.ndarray) -> Validation:
    """Score the accuracy of a classifier on ``inputs``, of which ``labels`` (N,) are the classes."""

    def score(outputs: Outputs) -> dict[str, float]:
        found = np.concatenate([scores.argmax(axis=1) for (scores,) in outputs])
        return {"validation accuracy": float((found == labels).mean())}

    return Validation(inputs, score)


def predict(net: HybridBlock, inputs: Sequence[np.ndarray]) -> Outputs:
    """Compute the network's outputs for each of ``inputs``."""
    ctx = context_of(net)
    return [_as_arrays(net(mx.nd.array(data, ctx=ctx))) for data in inputs]


def evaluate(net: HybridBlock, validation: Validation) -> dict[str, float]:
    """Compute the network's scores."""
    return validation.score(predict(net, validation.inputs))


def default_context() -> mx.Context:
    """Return the first GPU, or the CPU where there is none."""
    return mx.gpu() if mx.context.num_gpus() else mx.cpu()


def context_of(net: HybridBlock) -> mx.Context:
    """Return where the network's parameters are."""
    return next(iter(net.collect_params().values())).list_ctx()[0]


def _as_arrays(outputs: Any) -> tuple[np.ndarray, ...]:
    arrays = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return tuple(array.asnumpy() for array in arrays)

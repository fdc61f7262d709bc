"""The training loop of every demo, and what it measures."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Protocol, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock
from tqdm import tqdm

from ..tracking import Log, Tracker, no_tracker

PLAIN, DOCONV = LABELS = ("plain", "DO-Conv")

History = Dict[str, List[float]]  # under each name one number an epoch
Outputs = List[Tuple[np.ndarray, ...]]  # of a network, one tuple for each input


class Batches(Protocol):
    """What is trained on in one epoch, such as Gluon's DataLoader."""

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Validation:
    """What a network is measured on: inputs of one shape (B, C, H, W), and the scores of its outputs.

    ``counted`` keeps of the outputs what the scores depend on, in an order of its own.
    """

    inputs: list[np.ndarray]
    score: Callable[[Outputs], dict[str, float]]
    counted: Callable[[Outputs], Outputs] = lambda outputs: outputs


def fit(
    epochs: int,
    batches: Batches,
    step: Callable[[Any], dict[str, float]],
    evaluate: Callable[[], dict[str, float]],
    label: str,
    tracker: Tracker = no_tracker,
) -> History:
    """Train, and measure once an epoch.

    Parameters
    ----------
    epochs : how often to go through ``batches``
    step : trains on a batch and returns what it measured; the means over an epoch are kept
    evaluate : measures the network after each epoch
    label : of the progress bar
    tracker : is told what each step and each epoch measured

    Returns
    -------
    Under each name of ``step`` and ``evaluate`` its values; under ``seconds`` what training an epoch took.
    """
    history: History = {}
    with progress(label, epochs * len(batches)) as bar, tracker(label) as log:
        for epoch in range(1, epochs + 1):
            begin = time.perf_counter()
            means = _train_epoch(batches, step, bar, log)
            seconds = time.perf_counter() - begin
            measured = {**means, **evaluate()}
            for name, value in {**measured, "seconds": seconds}.items():
                history.setdefault(name, []).append(value)
            log("epoch", epoch, measured)
            bar.set_postfix({"epoch": epoch, **{name: f"{value:.3f}" for name, value in measured.items()}})
    return history


def progress(label: str, total: int) -> tqdm:
    """A progress bar; the bars of two networks that train side by side keep their lines."""
    position = next((place for place, name in enumerate(LABELS) if label.startswith(name)), 0)
    interval = 0.5 if sys.stderr.isatty() else 10
    return tqdm(total=total, desc=label, unit="batch", mininterval=interval, position=position)


def predict(net: HybridBlock, inputs: list[np.ndarray]) -> Outputs:
    """The network's outputs for each of ``inputs``."""
    ctx = context_of(net)
    return [_as_arrays(net(mx.nd.array(data, ctx=ctx))) for data in inputs]


def evaluate(net: HybridBlock, validation: Validation) -> dict[str, float]:
    """The network's scores."""
    return validation.score(predict(net, validation.inputs))


def classifier_step(
    net: HybridBlock, trainer: mx.gluon.Trainer
) -> Callable[[tuple[mx.nd.NDArray, mx.nd.NDArray]], dict[str, float]]:
    """A step of an image classifier on a batch of images and labels: cross-entropy and accuracy."""
    criterion = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    ctx = context_of(net)

    def step(batch: tuple[mx.nd.NDArray, mx.nd.NDArray]) -> dict[str, float]:
        images, labels = (array.as_in_context(ctx) for array in batch)
        with mx.autograd.record():
            outputs = net(images)
            loss = criterion(outputs, labels)
        loss.backward()
        trainer.step(len(labels))
        hits = outputs.argmax(axis=1).astype(labels.dtype) == labels
        return {"loss": float(loss.mean().asscalar()), "accuracy": float(hits.asnumpy().mean())}

    return step


def sgd(parameters: Any, schedule: Callable[[int], float], recipe: Any) -> mx.gluon.Trainer:
    """SGD as GluonCV's scripts use it; ``recipe`` has a ``momentum`` and a ``weight_decay``."""
    settings = {"lr_scheduler": schedule, "momentum": recipe.momentum, "wd": recipe.weight_decay}
    return mx.gluon.Trainer(parameters, "sgd", settings)


def warmed_cosine(learning_rate: float, steps: int) -> mx.lr_scheduler.CosineScheduler:
    """A learning rate that grows over a tenth of all steps, and then follows a cosine down to 0."""
    return mx.lr_scheduler.CosineScheduler(steps, base_lr=learning_rate, warmup_steps=steps // 10)


def default_context() -> mx.Context:
    """The first GPU, or the CPU where there is none."""
    return mx.gpu() if mx.context.num_gpus() else mx.cpu()


def context_of(net: HybridBlock) -> mx.Context:
    """Where the network's parameters are."""
    return next(iter(net.collect_params().values())).list_ctx()[0]


def _train_epoch(
    batches: Batches, step: Callable[[Any], dict[str, float]], bar: tqdm, log: Log
) -> dict[str, float]:
    """One pass over the batches: the means of what the steps measured."""
    measured = []
    for batch in batches:
        measured.append(step(batch))
        bar.update()
        log("step", bar.n, measured[-1])
    return {name: float(np.mean([values[name] for values in measured])) for name in measured[0]}


def _as_arrays(outputs: Any) -> tuple[np.ndarray, ...]:
    arrays = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return tuple(array.asnumpy() for array in arrays)

"""Train an image classifier, as GluonCV's scripts do: hybridized, SGD with momentum, cosine learning rate."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock
from tqdm import tqdm

from ..data import Split


@dataclass(frozen=True)
class Recipe:
    """What both networks of a comparison share; the defaults are those of GluonCV's CIFAR training."""

    epochs: int
    seed: int = 0
    batch_size: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4


@dataclass
class History:
    """What was measured, one number an epoch: mean training loss, accuracies in [0, 1], training seconds."""

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def fit(net: HybridBlock, train: Split, validation: Split, recipe: Recipe, label: str) -> History:
    """Train ``net``, already initialised, in place; the order of the images depends on the seed alone."""
    ctx = next(iter(net.collect_params().values())).list_ctx()[0]
    steps = recipe.epochs * (len(train.labels) // recipe.batch_size)
    schedule = mx.lr_scheduler.CosineScheduler(steps, base_lr=recipe.learning_rate)
    trainer = mx.gluon.Trainer(
        net.collect_params(),
        "sgd",
        {"lr_scheduler": schedule, "momentum": recipe.momentum, "wd": recipe.weight_decay},
    )
    order = np.random.RandomState(recipe.seed)
    history = History()
    bar = tqdm(total=steps, desc=f"{label:>8}", unit="batch", mininterval=0.5 if sys.stderr.isatty() else 10)
    for epoch in range(recipe.epochs):
        begin = time.perf_counter()
        loss, accuracy = _train_epoch(
            net, trainer, train, order.permutation(len(train.labels)), recipe, ctx, bar
        )
        history.seconds.append(time.perf_counter() - begin)
        history.loss.append(loss)
        history.accuracy.append(accuracy)
        history.validation_accuracy.append(evaluate(net, validation))
        bar.set_postfix(epoch=epoch + 1, loss=f"{loss:.3f}", val=f"{history.validation_accuracy[-1]:.2%}")
    bar.close()
    return history


def predict(net: HybridBlock, images: np.ndarray, batch_size: int = 250) -> np.ndarray:
    """The network's outputs for ``images``, (N, classes)."""
    parameters = net.collect_params().values()
    ctx = next(iter(parameters)).list_ctx()[0]
    batches = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
    return np.concatenate([net(mx.nd.array(batch, ctx=ctx)).asnumpy() for batch in batches])


def evaluate(net: HybridBlock, split: Split) -> float:
    """Top-1 accuracy in [0, 1]."""
    return accuracy_of(predict(net, split.images), split.labels)


def accuracy_of(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of ``outputs``, (N, classes), whose largest is at the label."""
    return float((outputs.argmax(axis=1) == labels).mean())


def _train_epoch(
    net: HybridBlock,
    trainer: mx.gluon.Trainer,
    train: Split,
    order: np.ndarray,
    recipe: Recipe,
    ctx: mx.Context,
    bar: tqdm,
) -> tuple[float, float]:
    """One pass over the shuffled images; the last, incomplete batch is left out. Mean loss and accuracy."""
    criterion = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    losses, hits = [], []
    for start in range(0, len(order) - recipe.batch_size + 1, recipe.batch_size):
        chosen = order[start : start + recipe.batch_size]
        x = mx.nd.array(train.images[chosen], ctx=ctx)
        y = mx.nd.array(train.labels[chosen], ctx=ctx)
        with mx.autograd.record():
            outputs = net(x)
            loss = criterion(outputs, y)
        loss.backward()
        trainer.step(recipe.batch_size)
        losses.append(loss.mean().asscalar())
        hits.append((outputs.argmax(axis=1) == y).mean().asscalar())
        bar.update()
    return float(np.mean(losses)), float(np.mean(hits))

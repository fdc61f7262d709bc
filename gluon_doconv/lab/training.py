"""The training loop of demos and experiments: an epoch of steps, a measurement, and both into the record."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Protocol, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock, Trainer

from .configuration import AnnealedRecipe, Command, Recipe
from .evaluation import context_of
from .records import Epoch, Record
from .tracking import Scores


class Step(NamedTuple):
    """What training on a batch measured: sums over its ``images``; ``hits`` only where there are classes."""

    images: int
    loss: float
    hits: int | None = None


class Batches(Protocol):
    """What can be gone through again and again."""

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Learner:
    """A network as the training loop sees it.

    Parameters
    ----------
    trainer : its learning rate is set before each step
    batches : what is trained on in one epoch, such as Gluon's DataLoader
    step : trains on a batch
    evaluate : scores in [0, 1] by name; the first is the accuracy that is reported
    """

    trainer: Trainer
    batches: Batches
    step: Callable[[Any], Step]
    evaluate: Callable[[], Mapping[str, float]]


def train(
    record: Record,
    learner: Learner,
    on_step: Callable[[int, Scores], None] = lambda number, measured: None,
    on_epoch: Callable[[Record], None] = lambda record: None,
) -> Record:
    """Train from where ``record`` is to the end of its recipe.

    Parameters
    ----------
    record : of the training
    learner : its network
    on_step : receives the number of each step, from 1, and the loss and accuracy of its batch
    on_epoch : receives the record after each epoch

    Returns
    -------
    The finished record.
    """
    while not record.finished:
        record = record.with_epoch(_train_epoch(record, learner, on_step))
        on_epoch(record)
    return record


def _train_epoch(record: Record, learner: Learner, on_step: Callable[[int, Scores], None]) -> Epoch:
    recipe = record.configuration.recipe
    assert not isinstance(recipe, Command)
    begin, length = time.perf_counter(), len(learner.batches)
    steps: list[Step] = []
    for place, batch in enumerate(learner.batches, start=len(record.epochs) * length):
        learner.trainer.set_learning_rate(recipe.rate(place, recipe.epochs * length))
        steps.append(learner.step(batch))
        on_step(place + 1, _means(steps[-1:]))
    seconds = round(time.perf_counter() - begin, 3)
    scores = dict(learner.evaluate())
    reported = next(iter(scores.values()))
    scores.pop("validation accuracy", None)  # has a place of its own in an epoch
    return Epoch(**_means(steps), validation_accuracy=reported, seconds=seconds, metrics=scores)


def _means(steps: Sequence[Step]) -> dict[str, float | None]:
    """Loss and accuracy of one image of these steps."""
    images = sum(step.images for step in steps)
    hits = [step.hits for step in steps if step.hits is not None]
    return {"loss": sum(step.loss for step in steps) / images, "accuracy": sum(hits) / images if hits else None}


def sgd(parameters: Any, recipe: Recipe | AnnealedRecipe) -> Trainer:
    """Make a trainer of SGD with momentum and weight decay, on one device."""
    settings = {"learning_rate": recipe.learning_rate, "momentum": recipe.momentum, "wd": recipe.weight_decay}
    return Trainer(parameters, "sgd", settings, kvstore=None)


def classifier_step(net: HybridBlock, trainer: Trainer) -> Callable[[Any], Step]:
    """Make a classifier's step, cross-entropy, on batches of images (B, C, H, W) and classes (B,)."""
    criterion = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    ctx = context_of(net)

    def step(batch: Any) -> Step:
        images, labels = (array.as_in_context(ctx) for array in batch)
        with mx.autograd.record():
            outputs = net(images)
            loss = criterion(outputs, labels)
        loss.backward()
        trainer.step(len(labels))
        hits = outputs.argmax(axis=1).astype(labels.dtype) == labels
        return Step(len(labels), float(loss.sum().asscalar()), int(hits.sum().asscalar()))

    return step

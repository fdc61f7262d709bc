"""GluonCV's CIFAR ResNet-20 on real digits, plain and with DO-Conv: train, fold, export, compare."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Iterator

import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model
from mxnet.gluon import HybridBlock

from ...core.convert import over_parameterize
from ..datasets.digits import DIGITS, Split, digits
from ..tracking import Tracker, no_tracker
from .comparison import Comparison, Trained, report, write_results
from .curves import Panel, draw_curves
from .deployment import checkpoint, count_parameters, deploy
from .fit import (
    DOCONV,
    PLAIN,
    History,
    Outputs,
    Validation,
    classifier_step,
    default_context,
    evaluate,
    fit,
    sgd,
)

MODEL = "cifar_resnet20_v1"
DECISIVE = "validation accuracy"


@dataclass(frozen=True)
class Recipe:
    """What both networks share; the defaults are those of GluonCV's CIFAR training."""

    epochs: int = 8
    seed: int = 0
    batch_size: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4


class ShuffledBatches:
    """Batches in an order that depends on the seed alone; the last, incomplete one is left out."""

    def __init__(self, split: Split, batch_size: int, seed: int) -> None:
        self._split = split
        self._batch_size = batch_size
        self._order = np.random.RandomState(seed)

    def __len__(self) -> int:
        return len(self._split.labels) // self._batch_size

    def __iter__(self) -> Iterator[tuple[mx.nd.NDArray, mx.nd.NDArray]]:
        order = self._order.permutation(len(self._split.labels))
        for number in range(len(self)):
            chosen = order[number * self._batch_size : (number + 1) * self._batch_size]
            yield mx.nd.array(self._split.images[chosen]), mx.nd.array(self._split.labels[chosen])


def run(output: Path, recipe: Recipe, tracker: Tracker = no_tracker) -> str:
    """Do the whole job, write everything into ``output``, and return what was measured, as text."""
    output.mkdir(parents=True, exist_ok=True)
    train, held_out = digits()
    print(
        f"{MODEL} on {len(train.labels):,} real digits, validated on {len(held_out.labels):,} others: plain, "
        f"then with DO-Conv, {recipe.epochs} epochs each; same seed, order and settings.",
        flush=True,
    )
    validation = validation_on(held_out)
    plain = build(recipe.seed, train.images[:1])
    doconv = build(recipe.seed, train.images[:1])
    over_parameterize(doconv)
    trained = {
        label: train_one(net, label, train, validation, recipe, output, tracker)
        for label, net in ((PLAIN, plain), (DOCONV, doconv))
    }
    comparison = Comparison(
        model=MODEL,
        recipe=asdict(recipe),
        decisive=DECISIVE,
        evidence=f"{len(held_out.labels):,} validation digits, of which one is "
        f"{100 / len(held_out.labels):.2g} points",
        trained=trained,
        deployed=deploy(doconv, get_model(MODEL, classes=DIGITS), output, validation),
    )
    draw(comparison, output / "curves.png", f"{MODEL} on {len(train.labels):,} digits, seed {recipe.seed}")
    write_results(output, comparison)
    return report(comparison)


def validation_on(split: Split) -> Validation:
    """Top-1 accuracy on all of ``split``, in one batch."""

    def score(outputs: Outputs) -> dict[str, float]:
        ((probabilities,),) = outputs
        return {DECISIVE: float((probabilities.argmax(axis=1) == split.labels).mean())}

    return Validation([split.images], score)


def build(seed: int, image: np.ndarray) -> HybridBlock:
    """The network with its initial weights, which depend on the seed alone. ``image``: (1, 1, 28, 28)."""
    mx.random.seed(seed)
    net = get_model(MODEL, classes=DIGITS)
    net.initialize(mx.init.Xavier(), ctx=default_context())
    net(mx.nd.array(image, ctx=default_context()))
    return net


def train_one(
    net: HybridBlock,
    label: str,
    train: Split,
    validation: Validation,
    recipe: Recipe,
    output: Path,
    tracker: Tracker,
) -> Trained:
    """Train one of the two networks, as GluonCV's scripts do, and save its checkpoint."""
    net.hybridize()
    batches = ShuffledBatches(train, recipe.batch_size, recipe.seed)
    schedule = mx.lr_scheduler.CosineScheduler(recipe.epochs * len(batches), base_lr=recipe.learning_rate)
    trainer = sgd(net.collect_params(), schedule, recipe)
    step = classifier_step(net, trainer)
    history = fit(recipe.epochs, batches, step, lambda: evaluate(net, validation), label, tracker)
    net.save_parameters(str(checkpoint(output, label)))
    return Trained(history, count_parameters(net))


def draw(comparison: Comparison, path: Path, title: str) -> None:
    """Error rates and loss, both networks."""
    histories = {label: trained.history for label, trained in comparison.trained.items()}
    errors = {
        label: {"validation": _error(history, DECISIVE), "training": _error(history, "accuracy")}
        for label, history in histories.items()
    }
    losses = {label: {"": history["loss"]} for label, history in histories.items()}
    panels = [Panel("error (%)", errors, "log"), Panel("training loss (cross-entropy)", losses, "log")]
    draw_curves(panels, path, title)


def _error(history: History, accuracy: str) -> list[float]:
    return [100 * (1 - value) for value in history[accuracy]]

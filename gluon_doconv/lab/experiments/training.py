"""Train one configuration with one seed; killed and started again it goes on and ends with the same numbers.

Nothing random is carried from one epoch to the next: what an epoch draws depends on the seed and the epoch, and
the learning rate on the step. So the parameters and the optimiser's states, saved after every epoch, are all
that going on needs. (On a GPU the numbers are the same only with MXNET_ENFORCE_DETERMINISM=1.)
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Trainer

from ...core.convert import over_parameterize_selected
from ...core.convolutions import find_convolutions
from ...zoo.build import build
from .configuration import Configuration, Recipe
from .images import Images
from .records import Epoch, Record

VALIDATION_BATCH = 250
HE = mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2)  # arXiv 1502.01852


def train(
    record: Record, images: Images, folder: Path, progress: Callable[[Record], None] = lambda _: None
) -> Record:
    """Train what ``record`` describes from where it is to its end, saving it in ``folder`` after every epoch.

    Returns
    -------
    The finished record.

    Raises
    ------
    DOConvError
        If the state saved in ``folder`` is damaged.
    """
    recipe = record.configuration.recipe
    assert isinstance(recipe, Recipe)
    net = _network(record.configuration, record.seed, images)
    trainer = _trainer(net, recipe)
    if record.epochs:
        net.load_parameters(str(_state(folder, record, "params")), ctx=_context())
        trainer.load_states(str(_state(folder, record, "states")))
    while not record.finished:
        record = record.with_epoch(_epoch(net, trainer, record, images, recipe))
        net.save_parameters(str(_state(folder, record, "params")))
        trainer.save_states(str(_state(folder, record, "states")))
        record.save(folder)
        _remove_older_states(folder, record)
        progress(record)
    return record


def _network(configuration: Configuration, seed: int, images: Images) -> HybridBlock:
    """Every variant starts from the weights that the baseline has for this seed."""
    mx.random.seed(seed)
    net = build(configuration.network, images.classes)
    net.initialize(HE, ctx=_context())
    net(mx.nd.array(images.validation_batch(slice(1)), ctx=_context()))
    if configuration.variant.config:
        over_parameterize_selected(net, find_convolutions(net), configuration.variant.config)
    net.hybridize()
    return net


def _trainer(net: HybridBlock, recipe: Recipe) -> Trainer:
    settings = {"learning_rate": recipe.learning_rate, "momentum": recipe.momentum, "wd": recipe.weight_decay}
    return Trainer(net.collect_params(), "sgd", settings, kvstore=None)


def _epoch(net: HybridBlock, trainer: Trainer, record: Record, images: Images, recipe: Recipe) -> Epoch:
    number = len(record.epochs) + 1
    random = np.random.RandomState([record.seed, number])
    mx.random.seed(int(random.randint(2**31)))
    order = random.permutation(len(images.train.labels))
    begin = time.perf_counter()
    batches = [order[i : i + recipe.batch_size] for i in range(0, len(order), recipe.batch_size)]
    losses, hits = 0.0, 0
    for index, chosen in enumerate(batches):
        step = (number - 1) * len(batches) + index
        trainer.set_learning_rate(recipe.rate(step, recipe.epochs * len(batches)))
        loss, hit = _step(net, trainer, images.batch(chosen, random), images.train.labels[chosen])
        losses, hits = losses + loss, hits + hit
    seconds = time.perf_counter() - begin
    return Epoch(losses / len(order), hits / len(order), accuracy(net, images), round(seconds, 3))


def _step(net: HybridBlock, trainer: Trainer, images: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
    """One step of SGD; the sum of the losses, and the number of images whose class was right."""
    x, y = mx.nd.array(images, ctx=_context()), mx.nd.array(labels, ctx=_context())
    with mx.autograd.record():
        outputs = net(x)
        loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(outputs, y)
    loss.backward()
    trainer.step(len(labels))
    return float(loss.sum().asscalar()), int((outputs.argmax(axis=1) == y).sum().asscalar())


def accuracy(net: HybridBlock, images: Images) -> float:
    """Top-1 accuracy on the validation images, in [0, 1]."""
    labels = images.validation.labels
    parts = [slice(i, i + VALIDATION_BATCH) for i in range(0, len(labels), VALIDATION_BATCH)]
    hits = 0
    for part in parts:
        outputs = net(mx.nd.array(images.validation_batch(part), ctx=_context())).asnumpy()
        hits += int((outputs.argmax(axis=1) == labels[part]).sum())
    return hits / len(labels)


def _context() -> mx.Context:
    return mx.gpu() if mx.context.num_gpus() else mx.cpu()


def _state(folder: Path, record: Record, kind: str) -> Path:
    """States are named by their epoch; the record, written last, says which epoch counts."""
    return folder / f"epoch{len(record.epochs):04d}.{kind}"


def _remove_older_states(folder: Path, record: Record) -> None:
    kept = {_state(folder, record, kind) for kind in ("params", "states")}
    for path in (*folder.glob("epoch*.params"), *folder.glob("epoch*.states")):
        if path not in kept:
            path.unlink()

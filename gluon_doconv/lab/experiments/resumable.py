"""Train one configuration with one seed; killed and started again it goes on and ends with the same numbers.

Nothing random is carried from one epoch to the next: what an epoch draws depends on the seed and the epoch, and
the learning rate on the step. So the parameters and the optimiser's states, saved after every epoch, are all
that going on needs. (On a GPU the numbers are the same only with MXNET_ENFORCE_DETERMINISM=1.)
"""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from typing import Callable, Iterator

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ...core.convert import over_parameterize_selected
from ...core.convolutions import find_convolutions
from ...zoo.build import build
from .. import training
from ..configuration import Configuration, Recipe
from ..evaluation import default_context, evaluate, top_1
from ..images import Images, ShuffledBatches
from ..records import Record
from ..tracking import Scores

VALIDATION_BATCH = 250
HE = mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2)  # arXiv 1502.01852


def train(
    record: Record,
    images: Images,
    folder: Path,
    on_step: Callable[[int, Scores], None] = lambda number, measured: None,
    on_epoch: Callable[[Record], None] = lambda record: None,
) -> Record:
    """Train what ``record`` describes from where it is to its end, saving it in ``folder`` after every epoch.

    ``on_step`` and ``on_epoch`` are those of :func:`gluon_doconv.lab.training.train`.

    Returns
    -------
    The finished record.

    Raises
    ------
    DOConvError
        If the state saved in ``folder`` is damaged.
    """
    net = _network(record.configuration, record.seed, images)
    learner = _learner(net, record, images)
    if record.epochs:
        net.load_parameters(str(_state(folder, record, "params")), ctx=default_context())
        learner.trainer.load_states(str(_state(folder, record, "states")))

    def save(record: Record) -> None:
        net.save_parameters(str(_state(folder, record, "params")))
        learner.trainer.save_states(str(_state(folder, record, "states")))
        record.save(folder)
        _remove_older_states(folder, record)
        on_epoch(record)

    return training.train(record, learner, on_step, save)


def _network(configuration: Configuration, seed: int, images: Images) -> HybridBlock:
    """Every variant starts from the weights that the baseline has for this seed."""
    mx.random.seed(seed)
    net = build(configuration.network, images.classes)
    net.initialize(HE, ctx=default_context())
    net(mx.nd.array(images.validation_batch(slice(1)), ctx=default_context()))
    if configuration.variant.config:
        over_parameterize_selected(net, find_convolutions(net), configuration.variant.config)
    net.hybridize()
    return net


def _learner(net: HybridBlock, record: Record, images: Images) -> training.Learner:
    recipe = record.configuration.recipe
    assert isinstance(recipe, Recipe)
    trainer = training.sgd(net.collect_params(), recipe)
    batches = ShuffledBatches(images, recipe.batch_size, _generators(record))
    validation = top_1(images.validation_batches(VALIDATION_BATCH), images.validation.labels)
    step = training.classifier_step(net, trainer)
    return training.Learner(trainer, batches, step, partial(evaluate, net, validation))


def _generators(record: Record) -> Iterator[np.random.RandomState]:
    """NumPy's for each epoch that lacks; MXNet's, which Dropout draws from, is seeded by it."""
    for number in count(len(record.epochs) + 1):
        random = np.random.RandomState([record.seed, number])
        mx.random.seed(int(random.randint(2**31)))
        yield random


def _state(folder: Path, record: Record, kind: str) -> Path:
    """States are named by their epoch; the record, written last, says which epoch counts."""
    return folder / f"epoch{len(record.epochs):04d}.{kind}"


def _remove_older_states(folder: Path, record: Record) -> None:
    kept = {_state(folder, record, kind) for kind in ("params", "states")}
    for path in (*folder.glob("epoch*.params"), *folder.glob("epoch*.states")):
        if path not in kept:
            path.unlink()

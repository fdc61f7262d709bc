"""The training loop that demos and experiments share, on steps and scores put there by hand."""

from dataclasses import replace
from types import SimpleNamespace

from gluon_doconv.lab.configuration import BASELINE, AnnealedRecipe, Configuration
from gluon_doconv.lab.records import Epoch, Record
from gluon_doconv.lab.training import Learner, Step, train

import pytest
from gluoncv.utils import LRScheduler
from mxnet.lr_scheduler import CosineScheduler

RECIPE = AnnealedRecipe(epochs=2, batch_size=1, learning_rate=0.1)


def record(recipe=RECIPE, epochs=()):
    return Record(Configuration("data", "net", BASELINE, recipe), 0, {}, epochs)


def learner(steps, scores=None):
    """A network that measures ``steps`` in every epoch, and the learning rates that it is given."""
    rates = []
    trainer = SimpleNamespace(set_learning_rate=rates.append)
    measured = scores or {"validation accuracy": 0.5}
    return Learner(trainer, steps, lambda step: step, lambda: measured), rates


def test_an_epoch_weighs_each_image_alike_and_is_measured_once():
    net, rates = learner([Step(3, loss=6.0, hits=3), Step(1, loss=4.0, hits=0)])
    seen, records = [], []
    done = train(record(), net, lambda *what: seen.append(what), records.append)
    assert [replace(epoch, seconds=0) for epoch in done.epochs] == [Epoch(2.5, 0.75, 0.5, 0)] * 2
    first, second = {"loss": 2.0, "accuracy": 1.0}, {"loss": 4.0, "accuracy": 0.0}
    assert seen == [(1, first), (2, second), (3, first), (4, second)]
    assert [len(one.epochs) for one in records] == [1, 2] and len(rates) == 4


def test_without_classes_there_is_no_accuracy_and_the_first_score_is_reported():
    net, _ = learner([Step(2, loss=1.0)], {"AP": 0.25, "AP50": 0.75})
    for epoch in train(record(), net).epochs:
        assert (epoch.accuracy, epoch.validation_accuracy) == (None, 0.25)
        assert epoch.metrics == {"AP": 0.25, "AP50": 0.75}


def test_a_training_goes_on_with_the_learning_rate_of_its_step():
    whole, rates = learner([Step(1, 1.0)] * 5)
    train(record(), whole)
    rest, later = learner([Step(1, 1.0)] * 5)
    assert len(train(record(epochs=(Epoch(1, 1, 1, 1),)), rest).epochs) == 2
    assert later == rates[5:] and len(set(rates)) == 10


@pytest.mark.parametrize(
    ("recipe", "schedule"),
    [
        (RECIPE, CosineScheduler(40, 0.1)),
        (replace(RECIPE, warmup=0.1), CosineScheduler(40, 0.1, warmup_steps=4)),
        (replace(RECIPE, curve="poly"), LRScheduler("poly", 0.1, nepochs=2, iters_per_epoch=20, power=0.9)),
    ],
)
def test_learning_rates_are_those_of_mxnets_and_gluoncvs_schedules(recipe, schedule):
    """Which count updates from 1."""
    assert [recipe.rate(step, 40) for step in range(40)] == [schedule(step + 1) for step in range(40)]

"""The protocol of a training: that it can be killed at any moment, and what it records."""

import os
from dataclasses import replace

from gluon_doconv.lab import images, training
from gluon_doconv.lab.configuration import (
    BASELINE,
    DOCONV,
    RANDOM,
    Configuration,
    Recipe,
    in_stages,
    with_d_mul,
)
from gluon_doconv.lab.experiments import cifar, resumable
from gluon_doconv.lab.records import Record

import mxnet as mx
import numpy as np
import pytest
from trainings import RECIPE, TINY, trained, without_seconds


def files(folder):
    """What a training leaves, but for how long it took."""
    content = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".momenta", ".params"]
    return content, without_seconds(Record.from_json((folder / "record.json").read_text()))


class Killed(BaseException):
    pass


def kill_at(monkeypatch, owner, name, call):
    """Let the process end as the ``call``-th call of ``owner.name`` begins."""
    original, calls = getattr(owner, name), []

    def method(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, method)


@pytest.mark.parametrize(
    "owner, name, call",
    [
        (training, "_train_epoch", 2),
        (mx.gluon.Trainer, "step", 5),
        (resumable, "write_files", 2),
        (os, "replace", 7),
        (resumable, "_remove_older_states", 2),
    ],
)
def test_killed_and_gone_on_with_is_bitwise_the_same(tiny_network, tmp_path, owner, name, call):
    trained(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, owner, name, call)
        trained(tmp_path / "killed")
    assert not Record.from_json((tmp_path / "killed" / "record.json").read_text()).finished
    trained(tmp_path / "killed")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_another_seed_is_another_training(tiny_network, tmp_path):
    assert without_seconds(trained(tmp_path / "a", seed=1)).epochs != trained(tmp_path / "b", seed=2).epochs


@pytest.mark.parametrize("network", ["cifar_plain20_v1", "cifar_resnet20_v2"])
def test_every_variant_starts_from_the_weights_of_the_baseline(network):
    data = images.load("digits-20-10", None)
    x = mx.nd.array(data.validation_batch(slice(4)))
    start = None
    for variant in (BASELINE, DOCONV, with_d_mul(25), in_stages(0, 2), RANDOM):
        net = resumable._network(Configuration("digits-20-10", network, variant, RECIPE), 5, data)
        outputs = net(x).asnumpy()
        ds = [name for name in net.collect_params() if name.endswith("_D")]
        start = outputs if start is None else start
        assert bool(ds) == variant.doconv
        if variant is RANDOM:  # D is random, and so is what the network computes
            assert np.abs(outputs - start).max() > 1e-3
        else:
            np.testing.assert_array_equal(outputs, start)
    assert len([s for s in ds if "stage" in s]) == 18


def test_every_variant_sees_the_same_batches_and_no_two_seeds_or_epochs_do(tiny_network, tmp_path, monkeypatch):
    seen = {}
    batch = images.Images.batch

    def watched(self, chosen, random):
        orders.append(tuple(chosen))
        return batch(self, chosen, random)

    monkeypatch.setattr(images.Images, "batch", watched)
    for variant, seed in ((BASELINE, 0), (DOCONV, 0), (DOCONV, 1)):
        orders = seen[variant, seed] = []
        trained(tmp_path / f"{variant.name}{seed}", replace(TINY, variant=variant), seed)
    assert seen[BASELINE, 0] == seen[DOCONV, 0]
    firsts = [order[place] for order in (seen[DOCONV, 0], seen[DOCONV, 1]) for place in (0, 3, 6)]
    assert len(set(firsts)) == 6
    for start in (0, 3, 6):  # every image once an epoch
        assert sorted(sum(seen[DOCONV, 0][start : start + 3], ())) == list(range(40))


def test_an_epoch_is_recorded_as_means_over_images(tiny_network, tmp_path, monkeypatch):
    """Of 40 images in batches of 16, 16 and 8; the validation against predictions of what was saved."""

    def measured(batch):
        count = len(batch[1])
        return training.Step(count, loss=2.0 * count, hits=count // 4)

    once = replace(TINY, recipe=replace(RECIPE, epochs=1))
    monkeypatch.setattr(training, "classifier_step", lambda net, trainer: measured)
    (epoch,) = trained(tmp_path, once).epochs
    data = images.load(once.data, None)
    net = resumable._network(once, 0, data)
    net.load_parameters(str(tmp_path / "epoch0001.params"))
    found = net(mx.nd.array(data.validation_batch(slice(None)))).asnumpy().argmax(axis=1)
    assert (epoch.loss, epoch.accuracy) == (2.0, 0.25)
    assert epoch.validation_accuracy == np.mean(found == data.validation.labels)


def test_it_is_sgd_with_momentum_and_decay(tiny_network):
    """Two steps of the trainer against SGD written out in float64."""
    recipe = Recipe(epochs=1, batch_size=8, learning_rate=0.05)
    data = images.load("digits-20-10", None)
    net = resumable._network(replace(TINY, recipe=recipe), 0, data)
    trainer = training.sgd(net.collect_params(), recipe)
    step = training.classifier_step(net, trainer)
    weight = net[0].weight
    expected, momentum = weight.data().asnumpy().astype("float64"), 0.0
    batch = mx.nd.array(data.batch(np.arange(8), None)), mx.nd.array(data.train.labels[:8])
    for number in range(2):
        step(batch)
        gradient = weight.grad().asnumpy().astype("float64") / 8 + recipe.weight_decay * expected
        momentum = recipe.momentum * momentum - recipe.learning_rate * gradient
        expected = expected + momentum
        np.testing.assert_allclose(weight.data().asnumpy(), expected, rtol=1e-4, atol=1e-6, err_msg=str(number))


def test_learning_rates_of_he_et_al():
    """64,000 steps or so; a tenth after half of them and after three quarters; 400 small steps to warm up."""
    steps = 391 * cifar.CIFAR.epochs
    assert abs(steps - 64000) < 391
    at = {0: 0.1, 31500: 0.1, 32500: 0.01, 47500: 0.01, 48500: 0.001, steps - 1: 0.001}
    for step, rate in at.items():
        assert cifar.CIFAR.rate(step, steps) == pytest.approx(rate)
    assert [cifar.WARM.rate(step, steps) for step in (0, 399, 400)] == pytest.approx([0.01, 0.01, 0.1])


def test_each_step_has_its_learning_rate(tiny_network, tmp_path, monkeypatch):
    """Three epochs of three steps: a tenth from half and from three quarters of the nine on."""
    rates = []
    step = mx.gluon.Trainer.step

    def watched(trainer, batch_size):
        rates.append(trainer.learning_rate)
        step(trainer, batch_size)

    monkeypatch.setattr(mx.gluon.Trainer, "step", watched)
    trained(tmp_path, replace(TINY, recipe=replace(RECIPE, warmup_steps=2)))
    assert rates == pytest.approx([0.01, 0.01, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])

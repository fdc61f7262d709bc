"""A Trainer that was made before a conversion or a fold trains what is there after it."""

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon
from networks import (
    NETWORKS,
    ds,
    images,
    outputs,
    same_bits,
    same_values,
    slow_but_first,
    small,
    unchanged_by,
    values,
)

ONE, TWO = [mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]
STORES = {
    "one device": (ONE, "device", None),
    "updated beside the store": (TWO, "device", False),
    "updated in the store": (TWO, "device", True),
    "updated in a local store": (TWO, "local", True),
}


class Training:
    """A network that is being trained."""

    def __init__(self, build, store="one device", momentum=0.9):
        self.contexts, kvstore, update_on_kvstore = STORES[store]
        self.net = build(ctx=self.contexts)
        self.inputs = [images(ctx=context) for context in self.contexts]
        for x in self.inputs:
            self.net(x)
        self.trainer = gluon.Trainer(
            self.net.collect_params(),
            "sgd",
            {"learning_rate": 0.1, "momentum": momentum},
            kvstore=kvstore,
            update_on_kvstore=update_on_kvstore,
        )
        self.target = mx.nd.random.normal(shape=self.net(self.inputs[0]).shape)

    def step(self):
        """Train one batch, and assert that every Parameter that is to be trained moves, alike everywhere."""
        trained = [p for p in self.net.collect_params().values() if p.grad_req != "null"]
        before = [p.data(self.contexts[0]).asnumpy() for p in trained]
        with autograd.record():
            losses = [((self.net(x) - self.target.as_in_context(x.context)) ** 2).sum() for x in self.inputs]
        autograd.backward(losses)
        has_gradient = [np.any(p.grad(self.contexts[0]).asnumpy()) for p in trained]
        self.trainer.step(2)
        for parameter, old, moves in zip(trained, before, has_gradient):
            assert np.any(parameter.data(self.contexts[0]).asnumpy() != old) >= moves, parameter.name
            assert len({array.asnumpy().tobytes() for array in parameter.list_data()}) == 1, parameter.name

    def predict(self):
        return [array for x in self.inputs for array in outputs(self.net, x)]


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("store", slow_but_first(STORES))
def test_a_trainer_trains_d_and_goes_on_after_folding(build, store, d_mul):
    training = Training(build, store)
    training.step()
    plain = training.predict()
    for _ in range(2):
        doconv.over_parameterize(training.net, d_mul=d_mul)
        assert same_bits(training.predict(), plain)
        training.step()
        assert all(np.any(d.data(training.contexts[0]).asnumpy()) for d in ds(training.net))
        training.step()
        changed = training.predict()
        doconv.fold(training.net)
        assert same_bits(training.predict(), changed)
        training.step()
        plain = training.predict()
        assert not same_bits(plain, changed)


@pytest.mark.slow
@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("store", STORES)
def test_a_trainer_goes_on_from_the_values_that_are_there(store, d_mul):
    """And not from its store's copy of former ones: at a learning rate of zero, all stays."""
    training = Training(small, store, momentum=0)
    doconv.over_parameterize(training.net, d_mul=d_mul)
    training.step()
    training.trainer.set_learning_rate(0)
    for change in (doconv.fold, lambda net: doconv.over_parameterize(net, d_mul=d_mul)):
        change(training.net)
        before = [p.data().asnumpy() for p in training.net.collect_params().values() if p.grad_req != "null"]
        with autograd.record():
            losses = [training.net(x).sum() for x in training.inputs]
        autograd.backward(losses)
        training.trainer.step(1)
        after = [p.data().asnumpy() for p in training.net.collect_params().values() if p.grad_req != "null"]
        assert same_bits(after, before)


def test_a_trainer_minds_the_learning_rate_of_d():
    training = Training(small)
    training.net[0].weight.lr_mult = 0.0
    doconv.over_parameterize(training.net)
    before = training.net[0].D.data().asnumpy(), training.net[3].D.data().asnumpy()
    with autograd.record():
        loss = (training.net(training.inputs[0]) ** 2).sum()
    loss.backward()
    training.trainer.step(1)
    after = training.net[0].D.data().asnumpy(), training.net[3].D.data().asnumpy()
    assert [np.array_equal(a, b) for a, b in zip(after, before)] == [True, False]


def test_a_trainer_goes_on_if_d_never_had_values():
    net = small()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    size = len(trainer._params)
    doconv.over_parameterize(net)
    doconv.fold(net)
    assert [p.name for p in trainer._params] == sorted(net.collect_params().keys())
    assert len(trainer._params) == size
    with autograd.record():
        loss = net(images()).sum()
    loss.backward()
    trainer.step(2)


@pytest.mark.parametrize("store", ["one device", "updated in the store"])
def test_a_trainer_saves_and_loads_its_states(store, tmp_path):
    training = Training(small, store)
    doconv.over_parameterize(training.net)
    training.step()
    training.net.save_parameters(str(tmp_path / "net.params"))
    training.trainer.save_states(str(tmp_path / "states"))
    training.step()
    expected = values(training.net)

    for _ in range(2):  # now the momentum in memory is not that of the file
        training.step()
    training.net.load_parameters(str(tmp_path / "net.params"), ctx=training.contexts)
    training.trainer._reset_kvstore()  # Gluon's Trainer does not notice that parameters were loaded
    training.trainer.load_states(str(tmp_path / "states"))
    training.step()
    assert same_values(values(training.net), expected)


@pytest.mark.parametrize("update_on_kvstore, d_mul", [(True, None), (False, 18)])
def test_what_servers_hold_is_not_folded(update_on_kvstore, d_mul):
    """A Trainer that believes itself distributed: MXNet could not replace what its servers hold."""
    training = Training(small, "updated in the store" if update_on_kvstore else "updated beside the store")
    doconv.over_parameterize(training.net, d_mul=d_mul)
    training.step()
    training.trainer._distributed = True
    unchanged_by(doconv.fold, training.net, "small_conv0_weight is being trained with a distributed kvstore")


def test_what_servers_only_add_up_is_folded():
    training = Training(small, "updated beside the store")
    doconv.over_parameterize(training.net)
    training.step()
    training.trainer._distributed = True
    assert len(doconv.fold(training.net).changed) == 3
    training.step()

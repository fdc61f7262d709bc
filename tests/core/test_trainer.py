"""What becomes of a Trainer, beyond what tests of conversion show."""

import pickle

import gluon_doconv as doconv
from gluon_doconv.core.trainer import states_of

import mxnet as mx
import pytest


def small():
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(4, 3, in_channels=2), mx.gluon.nn.Conv2D(3, 3, in_channels=4))
    net.initialize()
    return net


def step(net, trainer):
    with mx.autograd.record():
        loss = (net(mx.nd.random.normal(shape=(2, 2, 9, 9))) ** 2).mean()
    loss.backward()
    trainer.step(1)


@pytest.mark.parametrize("kvstore", ["device", "local"])
def test_a_kvstore_given_as_an_object_goes_on_after_folding(kvstore):
    net = small()
    doconv.over_parameterize(net)
    trainer = mx.gluon.Trainer(
        net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9}, kvstore=mx.kvstore.create(kvstore)
    )
    step(net, trainer)
    doconv.fold(net)
    before = [p.data().asnumpy() for p in net.collect_params().values()]
    step(net, trainer)
    after = [p.data().asnumpy() for p in net.collect_params().values()]
    assert all((one != other).any() for one, other in zip(before, after))


def test_states_of_a_folded_network_are_filed_as_the_plain_networks(tmp_path):
    net = small()
    doconv.over_parameterize(net)
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    step(net, trainer)
    doconv.fold(net)
    momenta = {p.name: trainer._updaters[0].states[i] for i, p in enumerate(trainer._params)}
    trainer.save_states(str(tmp_path / "states"))
    parameters = net.collect_params()
    states, _ = pickle.loads(states_of(parameters.values(), trainer, (tmp_path / "states").read_bytes()))
    assert list(states) == [0, 1, 2, 3]
    for i, name in enumerate(sorted(parameters)):  # the order of every Trainer
        assert (states[i] == momenta[name]).asnumpy().all() and states[i].abs().sum().asscalar() > 0

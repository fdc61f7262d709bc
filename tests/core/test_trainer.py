"""What becomes of a Trainer, beyond what tests of conversion show."""

import gluon_doconv as doconv

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


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_trainer_of_a_folded_network_is_that_of_the_plain_one(optimizer, tmp_path):
    net = small()
    doconv.over_parameterize(net)
    trainer = mx.gluon.Trainer(net.collect_params(), optimizer, {"learning_rate": 0.1})
    step(net, trainer)
    states = {p.name: trainer._updaters[0].states.get(i) for i, p in enumerate(trainer._params)}
    counts = {p.name: trainer._optimizer._index_update_count[i] for i, p in enumerate(trainer._params)}
    doconv.fold(net)
    assert [p.name for p in trainer._params] == sorted(net.collect_params())  # the order of every Trainer
    for i, parameter in enumerate(trainer._params):
        assert trainer._updaters[0].states.get(i) is states[parameter.name]
        assert trainer._optimizer._index_update_count[i] == counts[parameter.name] == 1
        assert trainer._param2idx[parameter.name] == i
    trainer.save_states(str(tmp_path / "states"))
    plain = small()
    resumed = mx.gluon.Trainer(plain.collect_params(), optimizer, {"learning_rate": 0.1})
    resumed.load_states(str(tmp_path / "states"))
    step(plain, resumed)

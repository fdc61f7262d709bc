"""The statistics of a BatchNorm with nothing to learn, against NumPy, with the workaround and without."""

from gluon_doconv.compat.batch_norm import statistics_without_parameters

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn


@pytest.fixture
def workaround():
    undo = statistics_without_parameters()
    yield
    undo()


def network():
    net = nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(nn.BatchNorm(scale=False, center=False, in_channels=2), nn.Dense(3))
    net.initialize()
    return net


def train(net, batches):
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "wd": 0.1})
    for x in batches:
        with mx.autograd.record():
            loss = (net(x) ** 2).mean()
        loss.backward()
        trainer.step(1)
    return net[0]


def batches():
    return [mx.nd.random.normal(3, 2, shape=(8, 2, 5, 5)) for _ in range(4)]


@pytest.mark.parametrize("hybrid", [False, True])
def test_statistics_are_those_of_the_data(hybrid, workaround):
    net, data = network(), batches()
    net.hybridize(hybrid)
    layer = train(net, data)
    mean, variance = np.zeros(2), np.ones(2)
    for x in (array.asnumpy().astype("float64") for array in data):
        mean = 0.9 * mean + 0.1 * x.mean(axis=(0, 2, 3))
        variance = 0.9 * variance + 0.1 * x.var(axis=(0, 2, 3))
    np.testing.assert_allclose(layer.running_mean.data().asnumpy(), mean, rtol=1e-4)
    np.testing.assert_allclose(layer.running_var.data().asnumpy(), variance, rtol=1e-2)
    assert (layer.gamma.data().asnumpy() == 1).all() and (layer.beta.data().asnumpy() == 0).all()


def test_without_it_they_stay_what_they_were():
    layer = train(network(), batches())
    assert (layer.running_mean.data().asnumpy() == 0).all() and (layer.running_var.data().asnumpy() == 1).all()


def test_arguments_of_the_graph_are_the_stock_ones():
    def arguments():
        net = network()
        return net(mx.sym.var("data")).list_inputs(), list(net.collect_params())

    stock, undo = arguments(), statistics_without_parameters()
    try:
        assert arguments() == stock
    finally:
        undo()


@pytest.mark.parametrize("learns", [{"scale": True}, {"center": True}, {"use_global_stats": True}])
def test_other_layers_are_left_alone(learns, workaround):
    given = {"scale": False, "center": False, **learns}
    assert nn.BatchNorm(**given).gamma.grad_req == ("write" if given["scale"] else "null")

"""DO-Conv under NumPy semantics (mx.npx.set_np), against the stock network under them."""

import gluon_doconv as doconv
from gluon_doconv.core import kernel as oracle

import mxnet as mx
import numpy
import pytest
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn


@pytest.fixture(autouse=True)
def numpy_semantics():
    npx.set_np()
    yield
    npx.reset_np()


def network(in_channels):
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(8, 3, padding=1, in_channels=in_channels),
        nn.BatchNorm(),
        nn.Conv2D(4, 3, groups=2),
        nn.Dense(2),
    )
    return net


def perturb(net):
    for d in net.collect_params(".*D$").values():
        d.set_data(np.random.normal(0, 0.1, size=d.shape))


def train(net, x):
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    for _ in range(2):
        with autograd.record():
            loss = (net(x) ** 2).mean()
        loss.backward()
        trainer.step(1)


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("in_channels", [0, 3])
@pytest.mark.parametrize("d_initializer", ["identity", "he"])
def test_a_network_starts_trains_and_folds(hybrid, in_channels, d_initializer):
    net, x = network(in_channels), np.random.normal(size=(4, 3, 12, 12))
    net.initialize(mx.init.Xavier())
    net.hybridize(hybrid)
    expected = net(x).asnumpy()
    doconv.over_parameterize(net, d_initializer=d_initializer)
    assert numpy.array_equal(net(x).asnumpy(), expected) == (d_initializer == "identity")
    perturb(net)
    before = [d.data().asnumpy() for d in net.collect_params(".*D$").values()]
    train(net, x)
    after = [d.data().asnumpy() for d in net.collect_params(".*D$").values()]
    assert len(before) == 2 and all((a != b).any() for a, b in zip(before, after))
    trained = net(x).asnumpy()
    doconv.fold(net)
    assert isinstance(net(x), np.ndarray)
    assert numpy.array_equal(net(x).asnumpy(), trained)


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("composition", ["kernel", "feature"])
def test_a_layer_computes_the_definition(hybrid, composition):
    layer, x = doconv.DOConv2D(4, 3, groups=2, composition=composition), np.random.normal(size=(2, 6, 7, 7))
    layer.initialize()
    layer.hybridize(hybrid)
    layer(x)
    layer.D.set_data(np.random.normal(0, 0.1, size=layer.D.shape))
    kernel = oracle.compose(layer.weight.data().asnumpy(), layer.D.data().asnumpy(), (3, 3))
    expected = npx.convolution(x, np.array(kernel), layer.bias.data(), kernel=(3, 3), num_filter=4, num_group=2)
    numpy.testing.assert_allclose(layer(x).asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-5)


def test_a_process_that_switches_them_off_and_on():
    net, x = network(3), np.random.normal(size=(4, 3, 12, 12))
    net.initialize()
    doconv.over_parameterize(net)
    perturb(net)
    trained = net(x).asnumpy()
    npx.reset_np()
    doconv.fold(net)
    npx.set_np()
    assert numpy.array_equal(net(x).asnumpy(), trained)

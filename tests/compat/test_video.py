"""A BatchNorm behind a 3-D convolution: it trains, and computes what it computes on an array of its own."""

from gluon_doconv.compat.video import batch_norm_of_videos

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd
from mxnet.gluon import nn

MODES = [{}, {"active": True}, {"active": True, "static_alloc": True, "static_shape": True}]


@pytest.fixture
def workaround():
    undo = batch_norm_of_videos()
    yield
    undo()


def network():
    net = nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(nn.Conv3D(8, 3, in_channels=3), nn.BatchNorm(in_channels=8), nn.Conv3D(8, 3, in_channels=8))
    net.initialize()
    return net


def train(net, mode, x):
    net.hybridize(**mode) if mode else None
    with autograd.record():
        y = net(x)
    y.backward(mx.nd.ones_like(y))
    mx.nd.waitall()
    return y.asnumpy(), net[0].weight.grad().asnumpy()


@pytest.mark.parametrize("mode", MODES, ids=["imperative", "hybrid", "static"])
def test_it_trains_and_normalizes_over_all_but_the_channels(workaround, mode):
    net, x = network(), mx.nd.random.normal(2, 3, shape=(1, 3, 8, 16, 16))
    y, gradient = train(net, mode, x)
    with autograd.pause():
        z = net[0](x).asnumpy().astype("float64")
    z = (z - z.mean((0, 2, 3, 4), keepdims=True)) / np.sqrt(z.var((0, 2, 3, 4), keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, net[2](mx.nd.array(z)).asnumpy(), atol=1e-4)
    assert np.abs(gradient).max() > 1e-3


def test_two_dimensions_are_left_alone_until_a_third_is_built(workaround):
    layer = nn.BatchNorm(in_channels=4)
    layer.initialize()
    assert "swap" not in layer(mx.sym.var("data")).tojson().lower()
    nn.Conv3D(4, 3)
    assert "swap" in layer(mx.sym.var("data")).tojson().lower()


@pytest.mark.skipif(bool(mx.context.num_gpus()), reason="it is the CPU that fails")
def test_without_it_training_fails():
    with pytest.raises(mx.MXNetError, match="is_view"):
        train(network(), {}, mx.nd.ones((1, 3, 8, 16, 16)))

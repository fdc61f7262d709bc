"""A BatchNorm between 3-D convolutions goes back on the CPU, and its gradients are right."""

import gluon_doconv as doconv
from gluon_doconv.compat.convolution3d import plain_layout_of_convolution3d

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn
from networks import perturb

CLIPS, CHANNELS = 2, 16  # enough for oneDNN's blocked layout
FRAME, PIXELS = (8, 8), 6 * 6  # before and after the only convolution that sees more than one pixel


@pytest.fixture
def workaround():
    undo = plain_layout_of_convolution3d()
    yield
    undo()


def network():
    net = nn.HybridSequential()
    net.add(nn.Conv3D(CHANNELS, (1, 3, 3), in_channels=3, use_bias=False))
    net.add(nn.BatchNorm(in_channels=CHANNELS), nn.Conv3D(CHANNELS, 1, in_channels=CHANNELS))
    net.add(nn.BatchNorm(in_channels=CHANNELS), nn.GlobalAvgPool3D())
    net.initialize(mx.init.Xavier())
    return net


def gradients(net, x):
    with mx.autograd.record():
        y = net(x).reshape((CLIPS, -1, CHANNELS, PIXELS if x.ndim == 4 else 1)).mean(axis=(1, 3))
        loss = (y**2).sum()
    loss.backward()
    return {
        name: p.grad().asnumpy()
        for name, p in net._collect_params_with_prefix().items()
        if p.grad_req != "null"
    }


@pytest.mark.parametrize("hybrid", [False, True])
def test_gradients_are_those_of_the_same_network_of_images(hybrid, workaround):
    """A clip whose kernels see one frame at a time is a batch of images."""
    videos, images = network(), nn.HybridSequential()
    doconv.over_parameterize(videos)
    perturb(videos)
    images.add(nn.Conv2D(CHANNELS, 3, in_channels=3, use_bias=False), nn.BatchNorm(in_channels=CHANNELS))
    images.add(nn.Conv2D(CHANNELS, 1, in_channels=CHANNELS), nn.BatchNorm(in_channels=CHANNELS))
    images.initialize()
    doconv.over_parameterize(images)
    found = images._collect_params_with_prefix()
    for name, parameter in videos._collect_params_with_prefix().items():
        found[name].set_data(parameter.data().reshape(found[name].shape))
    x = mx.nd.random.normal(shape=(CLIPS, 3, 4, *FRAME))
    frames = x.transpose((0, 2, 1, 3, 4)).reshape((-1, 3, *FRAME))
    for net in (videos, images):
        net.hybridize(hybrid, static_alloc=hybrid, static_shape=hybrid)
    expected = gradients(images, frames)
    for name, gradient in gradients(videos, x).items():
        np.testing.assert_allclose(gradient.ravel(), expected[name].ravel(), rtol=1e-3, atol=1e-6)
    assert np.abs(expected["0.D"]).max() > 0


def test_without_it_there_are_none():
    with pytest.raises(mx.base.MXNetError, match="is_view"):
        gradients(network(), mx.nd.random.normal(shape=(CLIPS, 3, 4, *FRAME)))
        mx.nd.waitall()

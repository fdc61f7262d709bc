"""What a DO-Conv layer computes before it is trained, and what initialisation does to D."""

from dataclasses import replace

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.layers import over_parameterize_layer

import mxnet as mx
import numpy as np
import pytest
from cases import WAYS, array, assert_same_bits, cases, running, set_values
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet.gluon import nn


@settings(max_examples=150)
@given(cases(d_mul=None, composition="kernel"), st.booleans())
def test_a_new_layer_is_bitwise_the_plain_layer_of_the_same_weight(case, training):
    arrays = case.arrays("float32")
    del arrays["D"]
    x = array(arrays["x"])
    outputs = []
    for layer in (case.layer(), case.plain()):
        layer.cast("float32")
        layer.initialize()
        net = running(layer, case.way)
        net(x)  # shapes that were deferred are known now
        set_values(layer, arrays)
        with mx.autograd.record() if training else mx.autograd.pause():
            outputs.append(net(x))
    assert_same_bits(*outputs)


@settings(max_examples=150)
@given(st.sampled_from(("same", "double", "more")).flatmap(lambda size: st.tuples(st.just(size), cases())))
def test_a_converted_layer_is_bitwise_the_trained_plain_layer_it_was(size_and_case):
    size, case = size_and_case
    d_mul = {"same": None, "double": 2 * case.patch, "more": case.patch + 1 + case.seed % 30}[size]
    plain = case.plain()
    plain.initialize()
    x = array(case.arrays("float32")["x"])
    before = plain(x)  # in inference: from here on oneDNN may hold the weight in a layout of its own
    over_parameterize_layer(plain, doconv.Options(d_mul=d_mul))
    assert plain.D.shape == replace(case, d_mul=d_mul).d_shape
    assert_same_bits(running(plain, case.way)(x), before)


@pytest.mark.parametrize("d_mul", [None, 12, 20])
@pytest.mark.parametrize("way", WAYS)
def test_a_converted_layer_that_has_no_values_yet_gets_them_later(way, d_mul):
    layer = nn.Conv2D(6, 3, groups=2)
    layer.initialize()
    over_parameterize_layer(layer, doconv.Options(d_mul=d_mul))
    x = mx.nd.random.normal(shape=(2, 4, 6, 6))
    y = running(layer, way)(x)
    weight = layer.weight.data().asnumpy()
    assert weight.shape == (6, 2, *((3, 3) if d_mul is None else (d_mul,)))
    composed = kernel.compose(weight, np.zeros(layer.D.shape), (3, 3))
    expected = mx.nd.Convolution(
        x, mx.nd.array(composed), num_filter=6, kernel=(3, 3), num_group=2, no_bias=True
    )
    np.testing.assert_allclose(y.asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("deferred", [True, False])
@pytest.mark.parametrize("initializer", [mx.init.Xavier(), mx.init.One(), mx.init.Normal(5)])
def test_the_initializer_of_the_network_does_not_reach_d(initializer, deferred):
    net = nn.HybridSequential()
    net.add(doconv.DOConv2D(8, 3, in_channels=0 if deferred else 4), doconv.DOConv2D(8, 3, d_mul=20))
    net.initialize(initializer)
    net(mx.nd.ones((1, 4, 8, 8)))
    for layer in net:
        assert not layer.D.data().asnumpy().any()
        assert layer.weight.data().asnumpy().any()
    net.initialize(initializer, force_reinit=True)
    assert not net[0].D.data().asnumpy().any()


@pytest.mark.parametrize("d_mul", [None, 20, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_he_draws_d_from_a_normal_distribution_of_variance_2_over_the_patch(d_mul, dtype):
    layer = doconv.DOConv2D(4, 3, in_channels=5000, groups=2, d_mul=d_mul, d_initializer="he")
    layer.cast(dtype)
    layer.initialize(mx.init.One())  # does not reach D
    stored = layer.D.data().asnumpy()
    assert stored.dtype == dtype
    total = stored.reshape(9, -1, 5000) + kernel.identity(9, d_mul or 9)[:, :, None]
    expected = (2 / 9) ** 0.5
    for entry in total.reshape(-1, 5000):  # on the identity and beside it
        assert abs(entry.mean()) < 5 * expected / 5000**0.5
        assert abs(entry.std() / expected - 1) < 5 / (2 * 5000) ** 0.5
    assert abs(np.mean(total**4) / expected**4 - 3) < 0.1  # the kurtosis of a normal distribution


def test_he_starts_somewhere_else_than_the_plain_layer():
    plain = nn.Conv2D(4, 3, in_channels=4)
    plain.initialize()
    x = mx.nd.random.normal(shape=(1, 4, 5, 5))
    before = plain(x).asnumpy()
    over_parameterize_layer(plain, doconv.Options(d_initializer="he"))
    assert not np.allclose(plain(x).asnumpy(), before)

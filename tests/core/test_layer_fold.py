"""Folding: bitwise what was trained, and nothing of DO-Conv left on the layer."""

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.composing import composing_of
from gluon_doconv.core.layers import fold_layer, folded_kernel, over_parameterize_layer

import mxnet as mx
import numpy as np
import pytest
from cases import WAYS, array, assert_same_bits, cases, running, set_values
from hypothesis import given, settings
from mxnet.gluon import nn


def trained(case):
    """A float32 DO-Conv layer with random values, and an input, which it has seen."""
    arrays = case.arrays("float32")
    layer = case.layer(prefix="conv_")
    layer.cast("float32")
    layer.initialize()
    x = array(arrays["x"])
    running(layer, case.way)(x)
    set_values(layer, arrays)
    return layer, x


def fold(layer):
    fold_layer(layer, folded_kernel(layer))


@pytest.mark.usefixtures("each_composition")
@settings(max_examples=75)
@given(cases(composition="kernel"))
def test_folding_changes_no_bit(case):
    layer, x = trained(case)
    before = running(layer, case.way)(x)
    weight, d = layer.weight.data().asnumpy(), layer.D.data().asnumpy()

    folded = folded_kernel(layer)
    expected = kernel.compose(weight.astype("float64"), d.astype("float64"), case.kernel_size)
    np.testing.assert_allclose(folded.asnumpy(), expected, rtol=1e-4, atol=1e-4)

    fold_layer(layer, folded)
    assert_same_bits(layer.weight.data(), folded)
    assert_same_bits(running(layer, case.way)(x), before)


@settings(max_examples=100)
@given(cases())
def test_a_folded_layer_is_a_plain_layer(case):
    layer, x = trained(case)
    identity, weight, bias = id(layer), layer.weight, layer.bias
    fold(layer)

    plain = case.plain(prefix="conv_")
    plain.initialize()
    plain(x)
    assert id(layer) == identity
    assert layer.weight is weight
    assert layer.bias is bias
    assert type(layer) is type(plain)
    assert vars(layer).keys() == vars(plain).keys()
    assert layer._reg_params.keys() == plain._reg_params.keys()
    assert repr(layer) == repr(plain)

    ours, theirs = layer.collect_params(), plain.collect_params()
    assert list(ours) == list(theirs)
    for name in theirs:
        assert (ours[name].shape, ours[name].grad_req) == (theirs[name].shape, theirs[name].grad_req)


@settings(max_examples=100)
@given(cases(composition="kernel"))
def test_converting_and_folding_goes_round_and_round(case):
    """Also once the plain layer has predicted, which leaves its weight in a layout of oneDNN's."""
    layer = case.plain(prefix="conv_")
    layer.initialize()
    x = array(case.arrays("float32")["x"])
    weight = layer.weight
    before = layer(x)
    for d_mul in (None, case.patch + 1 + case.seed % case.patch):
        over_parameterize_layer(layer, doconv.Options(d_mul=d_mul))
        assert composing_of(layer) is not None
        assert_same_bits(running(layer, case.way)(x), before)
        fold(layer)
        assert_same_bits(running(layer, case.way)(x), before)
        assert layer.weight is weight


@pytest.mark.parametrize("d_mul", [None, 12])
def test_a_second_training_starts_from_the_folded_kernel(d_mul):
    layer = nn.Conv2D(8, 3, groups=8, in_channels=8)  # depthwise: oneDNN blocks its weight
    layer.initialize()
    x = mx.nd.random.normal(shape=(2, 8, 6, 6))
    for _ in range(2):
        over_parameterize_layer(layer, doconv.Options(d_mul=d_mul))
        layer.D.set_data(mx.nd.random.normal(shape=layer.D.shape))
        before = layer(x)
        fold(layer)
        assert_same_bits(layer(x), before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "channels, groups, d_mul", [(256, 1, None), (128, 1, 12), (256, 32, None), (512, 512, 20)]
)
def test_layers_as_large_as_in_real_networks_keep_every_bit(way, channels, groups, d_mul):
    """Large matrix products take other paths through the BLAS library than small ones."""
    layer = nn.Conv2D(channels, 3, padding=1, groups=groups, in_channels=channels)
    layer.initialize(mx.init.Xavier())
    x = mx.nd.random.normal(shape=(2, channels, 8, 8))
    before = layer(x)
    over_parameterize_layer(layer, doconv.Options(d_mul=d_mul))
    assert_same_bits(running(layer, way)(x), before)
    layer.D.set_data(mx.nd.random.normal(0, 0.1, shape=layer.D.shape))
    before = running(layer, way)(x)
    fold(layer)
    assert_same_bits(running(layer, way)(x), before)


@pytest.mark.parametrize("way", WAYS)
def test_a_layer_without_values_folds_to_a_layer_without_values(way):
    layer = doconv.DOConv2D(4, 3)
    layer.initialize()
    assert folded_kernel(layer) is None
    fold_layer(layer, None)
    assert type(layer) is nn.Conv2D
    assert running(layer, way)(mx.nd.ones((1, 3, 5, 5))).shape == (1, 4, 3, 3)


def test_folding_leaves_no_gradient_graph():
    layer = doconv.DOConv2D(4, 3, in_channels=2)
    layer.initialize()
    with mx.autograd.record():
        folded = folded_kernel(layer)
    with pytest.raises(mx.MXNetError):
        folded.backward()

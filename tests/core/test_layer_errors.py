"""Every refusal says which layer or value it is about, and what to do."""

import gluon_doconv as doconv
from gluon_doconv import DOConvError
from gluon_doconv.core.layers import folded_kernel, over_parameterize_layer

import mxnet as mx
import numpy as np
import pytest
from cases import DOCONV, INSIDE_A_NETWORK, running
from mxnet.gluon import nn


@pytest.mark.parametrize("d_mul", [0, -9, 2.5, float("nan"), float("inf"), "many"])
def test_d_mul_has_to_be_a_positive_whole_number(d_mul):
    for build in (doconv.Options, lambda d_mul: doconv.DOConv2D(4, 3, d_mul=d_mul)):
        with pytest.raises(DOConvError, match=rf"d_mul={d_mul!r}.*whole number of at least 1"):
            build(d_mul=d_mul)


def test_a_whole_number_of_numpy_will_do():
    assert doconv.DOConv2D(4, 3, d_mul=np.int64(12)).D.shape == (1, 3, 3, 12, 0)


@pytest.mark.parametrize("build", [doconv.Options, lambda **kwargs: doconv.DOConv3D(4, 3, **kwargs)])
def test_unknown_names_are_answered_with_the_known_ones(build):
    with pytest.raises(DOConvError, match=r"d_initializer='xavier': choose from \['identity', 'he'\]"):
        build(d_initializer="xavier")
    with pytest.raises(DOConvError, match=r"composition='fast': choose from \['kernel', 'feature', 'auto'\]"):
        build(composition="fast")


@pytest.mark.parametrize("axes, layout", [(2, "NHWC"), (3, "NDHWC")])
def test_channels_last_layouts_are_refused(axes, layout):
    """Of the plain layers, those of one axis have no other layout."""
    with pytest.raises(DOConvError, match=rf"conv: layout='{layout}'.*channels-first"):
        DOCONV[axes](4, 3, layout=layout, in_channels=4, prefix="conv_")


def test_converting_a_channels_last_layer_leaves_it_as_it_was():
    plain = nn.Conv2D(4, 3, layout="NHWC", in_channels=4, prefix="conv_")
    attributes = dict(vars(plain))
    with pytest.raises(DOConvError, match=r"layout='NHWC'.*exclude this layer"):
        over_parameterize_layer(plain, doconv.Options())
    assert type(plain) is nn.Conv2D
    assert vars(plain) == attributes


@pytest.mark.parametrize("channels, in_channels", [(7, 4), (8, 3), (7, 0)])
def test_groups_have_to_divide_the_channels(channels, in_channels):
    with pytest.raises(DOConvError, match=r"groups=2\b"):
        doconv.DOConv2D(channels, 3, groups=2, in_channels=in_channels)


@pytest.mark.parametrize("hybridize", [True, False])
def test_groups_have_to_divide_the_channels_of_the_input(hybridize):
    layer = doconv.DOConv2D(4, 3, groups=2, prefix="conv_")
    layer.initialize()
    layer.hybridize(hybridize)
    with pytest.raises(DOConvError, match=r"conv: groups=2 does not divide the input's 5 channels"):
        layer(mx.nd.ones((1, 5, 4, 4)))


def test_a_trained_kernel_does_not_fit_into_a_small_d_mul():
    plain = nn.Conv2D(4, 3, in_channels=4, prefix="conv_")
    plain.initialize()
    attributes = dict(vars(plain))
    with pytest.raises(DOConvError, match=r"conv_.*: d_mul=4 is below M·N=9.*one of at least M·N"):
        over_parameterize_layer(plain, doconv.Options(d_mul=4))
    assert type(plain) is nn.Conv2D
    assert vars(plain) == attributes


@pytest.mark.parametrize("way", INSIDE_A_NETWORK)
def test_feature_composition_has_to_know_the_channels_when_a_network_is_traced(way):
    layer = doconv.DOConv2D(4, 3, composition="feature", prefix="conv_")
    layer.initialize()
    x = mx.nd.ones((1, 4, 5, 5))
    with pytest.raises(DOConvError, match=r"conv: composition='feature' has to know C_in.*give in_channels"):
        running(layer, way)(x)
    layer.hybridize(False)
    layer(x)  # what the message advises
    assert running(layer, way)(x).shape == (1, 4, 3, 3)


@pytest.mark.parametrize("parameter", ["weight", "D"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_not_folded(parameter, value):
    layer = doconv.DOConv2D(4, 3, in_channels=2, prefix="conv_")
    layer.initialize()
    array = getattr(layer, parameter).data()
    array[1, :, 1] = value
    count = {"weight": "6 of 72", "D": "9 of 162"}[parameter]
    with pytest.raises(
        DOConvError, match=rf"conv_{parameter}: {count} values are not finite; .*fold an earlier"
    ):
        folded_kernel(layer)


def test_a_folded_kernel_that_overflows_is_refused():
    layer = doconv.DOConv2D(4, 3, in_channels=2, prefix="conv_")
    layer.initialize()
    layer.weight.data()[0, 0, 0, 0] = 3e38
    layer.D.data()[4, 0, 0] = 2  # so that W'[0, 0, 4] is 6e38 and more
    with pytest.raises(DOConvError, match=r"W' of conv_weight: 1 of 72 values are not finite"):
        folded_kernel(layer)


@pytest.mark.parametrize("options", [{"d_mul": 12}, {"d_mul": 4}, {"d_initializer": "he"}])
def test_values_that_do_not_exist_are_not_folded(options):
    layer = doconv.DOConv2D(4, 3, prefix="conv_", **options)
    with pytest.raises(DOConvError, match=r"conv_.* no values to fold.*initialise the network first"):
        folded_kernel(layer)


def test_every_refusal_is_a_value_error():
    assert issubclass(DOConvError, ValueError)

"""Weights that several layers share, and convolutions hidden in graphs."""

import itertools

import gluon_doconv as doconv
from gluon_doconv.core.convolutions import find_convolutions

import mxnet as mx
import pytest
from mxnet.gluon import SymbolBlock, nn
from networks import (
    anatomy,
    ds,
    images,
    in_symbols,
    initialized,
    outputs,
    perturb,
    same_bits,
    unchanged_by,
)


def conv(**kwargs):
    return nn.Conv2D(3, 3, padding=1, in_channels=3, **kwargs)


def twice_the_same_layer():
    layer = conv()
    return [layer, layer]


def two_layers():
    first = conv()
    return [first, conv(params=first.params)]


def two_layers_the_owner_last():
    return two_layers()[::-1]


def three_in_a_chain():
    first, second = two_layers()
    return [conv(params=second.params), second, first]


def a_layer_and_a_graph():
    layer, data = conv(), mx.sym.var("data")
    return [layer, SymbolBlock(layer(data), data, params=layer.collect_params())]


def two_graphs():
    layer, first = a_layer_and_a_graph()
    data = mx.sym.var("data")
    return [first, SymbolBlock(layer(data), data, params=layer.collect_params())]


def twice_in_a_graph():
    layer, data = conv(), mx.sym.var("data")
    return [SymbolBlock(layer(layer(data)), data, params=layer.collect_params())]


SHARING = [
    twice_the_same_layer,
    two_layers,
    two_layers_the_owner_last,
    three_in_a_chain,
    a_layer_and_a_graph,
    two_graphs,
    twice_in_a_graph,
]


def sequence(layers):
    net = nn.HybridSequential()
    net.add(*layers)
    return initialized(net)


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("layers", SHARING)
def test_a_shared_weight_has_one_d_and_folds_once(layers, d_mul):
    net, x = sequence(layers()), images()
    plain, was = outputs(net, x), anatomy(net)
    doconv.over_parameterize(net, d_mul=d_mul)
    assert len(ds(net)) == 1
    perturb(net)
    changed = outputs(net, x)
    assert not same_bits(changed, plain)
    doconv.fold(net)
    assert same_bits(outputs(net, x), changed)
    assert anatomy(net) == was


@pytest.mark.parametrize("layers", SHARING)
def test_those_that_share_a_weight_are_converted_together_or_refused_together(layers):
    """Whichever of them are named, to be chosen or to be left."""
    count = len(find_convolutions(sequence(layers())))
    for word, mask in itertools.product(["include", "exclude"], itertools.product([True, False], repeat=count)):
        net = sequence(layers())
        net(images())
        named = [convolution.name for convolution, is_named in zip(find_convolutions(net), mask) if is_named]
        selection = {word: f"^({'|'.join(named)})$"}
        chosen = len(named) if word == "include" else count - len(named)
        if chosen == count:
            doconv.over_parameterize(net, **selection)
            assert len(ds(net)) == 1 and all(
                convolution.d is not None for convolution in find_convolutions(net)
            )
        else:
            match = "shares its weight with" if chosen else "matches no convolution"
            unchanged_by(lambda net, s=selection: doconv.over_parameterize(net, **s), net, match)


@pytest.mark.parametrize("stages", [[1], [2], [1, 2]])
def test_those_of_two_stages_that_share_a_weight_are_too(stages):
    first = conv(prefix="net_stage1_")
    net = sequence([first, conv(prefix="net_stage2_", params=first.params)])
    net(images())
    if len(stages) == 2:
        assert len(doconv.over_parameterize(net, stages=stages).changed) == 2 and len(ds(net)) == 1
    else:
        unchanged_by(lambda net: doconv.over_parameterize(net, stages=stages), net, "shares its weight with")


def test_later_layers_that_share_a_weight_adopt_its_d():
    first = doconv.DOConv2D(3, 3, padding=1, in_channels=3)
    net = sequence([first, conv(params=first.params)])
    doconv.over_parameterize(net)
    assert net[1].D is first.D


# Graphs


def block_of(weight, **kwargs):
    data = mx.sym.var("data")
    kernel = mx.sym.var(weight)
    symbol = mx.sym.Convolution(data, kernel, kernel=(3, 3), num_filter=4, no_bias=True, name="c", **kwargs)
    return initialized(SymbolBlock(symbol, data))


@pytest.mark.parametrize(
    ("weight", "layer"), [("c_weight", "c"), ("c.weight", "c"), ("c", "c"), ("filter", "filter")]
)
def test_a_graph_of_one_convolution(weight, layer):
    net, x = block_of(weight), images()
    plain, was = outputs(net, x), anatomy(net)
    assert doconv.over_parameterize(net).changed == [layer]
    assert same_bits(outputs(net, x), plain)
    perturb(net)
    changed = outputs(net, x)
    assert len(net._collect_params_with_prefix()) == 2
    doconv.fold(net)
    assert same_bits(outputs(net, x), changed)
    assert anatomy(net) == was


def test_channels_last_in_a_graph():
    unchanged_by(doconv.over_parameterize, block_of("c_weight", layout="NHWC"), "layout 'NHWC'")


def test_features_are_not_composed_in_a_graph():
    unchanged_by(lambda net: doconv.over_parameterize(net, composition="feature"), in_symbols(), "SymbolBlock")


def test_a_weight_that_something_else_in_the_graph_reads_is_left_alone():
    data, kernel = mx.sym.var("data"), mx.sym.var("c_weight")
    convolved = mx.sym.Convolution(data, kernel, kernel=(3, 3), num_filter=4, no_bias=True, name="c")
    net = initialized(SymbolBlock(mx.sym.Group([convolved, mx.sym.sum(kernel, name="norm")]), data))
    unchanged_by(doconv.over_parameterize, net, "no convolution .1 found. has a spatial kernel")
    assert find_convolutions(net)[0].obstacle == "its weight is read by norm too"

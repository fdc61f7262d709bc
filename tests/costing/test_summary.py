"""What a network is made of: counted by hand, and by loops."""

import re
from itertools import product

import gluon_doconv as doconv

import mxnet as mx
import pytest
from mxnet.gluon import SymbolBlock, nn
from networks import anatomy, ds, from_zoo, images, in_symbols, initialized, small, values
from oracle import convolutions_of, spatial_convolutions_of


def count(channels, in_channels, kernel, groups, d_mul, output):
    """MACCs of one image, one by one: the plain layer, composing its kernel, and composing features.

    Section 3 of the paper: a kernel is composed once, features at every position of the output.
    """
    patch = kernel[0] * kernel[1]
    positions = list(product(range(output[0]), range(output[1])))
    connections = [
        (o, i)
        for o, i in product(range(channels), range(in_channels))
        if o * groups // channels == i * groups // in_channels
    ]
    convolution = sum(1 for _ in product(connections, positions, range(patch)))
    composition = sum(1 for _ in product(connections, range(patch), range(d_mul)))
    depthwise = sum(1 for _ in product(range(in_channels), range(d_mul), positions, range(patch)))
    pointwise = sum(1 for _ in product(connections, positions, range(d_mul)))
    return convolution, composition + convolution, depthwise + pointwise


@pytest.mark.parametrize(
    "layer, in_channels, size, output",
    [
        (lambda: nn.Conv2D(4, 3), 3, 8, (6, 6)),
        (lambda: nn.Conv2D(4, 3, padding=1), 3, 8, (8, 8)),
        (lambda: nn.Conv2D(4, (1, 3), strides=2), 3, 9, (5, 4)),
        (lambda: nn.Conv2D(4, 3, groups=2), 6, 8, (6, 6)),
        (lambda: nn.Conv2D(6, 3, groups=6, strides=(2, 1)), 6, 9, (4, 7)),
        (lambda: nn.Conv2D(4, 3, dilation=2), 3, 8, (4, 4)),
    ],
)
@pytest.mark.parametrize("d_mul", [None, 11])
def test_maccs_of_one_layer(layer, in_channels, size, output, d_mul):
    net = nn.HybridSequential()
    net.add(layer())
    initialized(net)
    doconv.over_parameterize(net, d_mul=d_mul)
    (line,) = doconv.summary(net, (1, in_channels, size, size)).layers
    kernel, groups = line.kernel_size, line.groups
    d_mul = d_mul or kernel[0] * kernel[1]
    counted = (line.maccs.plain, line.maccs.kernel, line.maccs.feature)
    assert counted == count(line.channels[1], in_channels, kernel, groups, d_mul, output)
    assert line.channels[0] == in_channels
    assert line.parameters == line.channels[1] * in_channels // groups * d_mul
    assert line.d_parameters == kernel[0] * kernel[1] * d_mul * in_channels


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", [small, in_symbols])
def test_parameters_are_those_of_the_arrays(build, d_mul):
    net = build()
    net(images())
    names, spatial = list(convolutions_of(net)), spatial_convolutions_of(net)
    doconv.over_parameterize(net, d_mul=d_mul)
    result = doconv.summary(net)
    assert [line.name for line in result.layers] == names
    weights = [parameter for name, parameter in net.collect_params().items() if re.search("conv._weight", name)]
    assert [line.parameters for line in result.layers] == [weight.data().size for weight in weights]
    assert [line.d_parameters for line in result.layers] == [*(d.data().size for d in ds(net)), 0]
    assert [line.d_mul for line in result.layers] == [*(d.data().shape[-2] for d in ds(net)), None]
    assert [line.kind for line in result.layers] == ["DO-Conv", "DO-GConv", "DO-DConv", "plain"]
    assert [line.note for line in result.layers] == ["", "", "", "pointwise"]
    assert [line.name for line in result.doconv] == spatial


def test_a_plain_network_says_what_doconv_would_cost():
    plain = doconv.summary(small(), (1, 3, 8, 8)).layers
    net = small()
    doconv.over_parameterize(net)
    converted = doconv.summary(net, (1, 3, 8, 8)).layers
    assert [line.maccs for line in plain] == [line.maccs for line in converted]
    assert plain[3].maccs is None
    assert {line.d_parameters for line in plain} == {0}


@pytest.mark.parametrize("build", [small, in_symbols, lambda: from_zoo("mobilenetv2_0.25")])
def test_a_network_is_not_changed(build):
    net = build()
    net(images(32))
    was, before = anatomy(net), values(net)
    doconv.summary(net, (1, 3, 32, 32))
    assert anatomy(net) == was
    assert list(values(net)) == list(before)


def test_maccs_of_a_network():
    """Its 3×3 convolutions, stage by stage."""
    net = from_zoo("cifar_resnet20_v1")
    doconv.over_parameterize(net)
    layers = doconv.summary(net, (1, 3, 32, 32)).doconv
    by_hand = 9 * (
        3 * 16 * 32**2 + 6 * 16 * 16 * 32**2 + (16 * 32 + 5 * 32 * 32) * 16**2 + (32 * 64 + 5 * 64 * 64) * 8**2
    )
    assert sum(line.maccs.plain for line in layers) == by_hand
    composing = 81 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2 + 32 * 64 + 5 * 64**2)
    assert sum(line.maccs.kernel for line in layers) == by_hand + composing


def test_a_network_that_has_run_before():
    net = small()
    net(images())
    doconv.over_parameterize(net)
    fresh = small()
    doconv.over_parameterize(fresh)
    assert doconv.summary(net, (1, 3, 8, 8)).layers == doconv.summary(fresh, (1, 3, 8, 8)).layers


def test_a_layer_at_several_places_counts_at_each():
    layer = nn.Conv2D(3, 3, padding=1)
    net = nn.HybridSequential()
    net.add(layer, nn.MaxPool2D(), layer)
    initialized(net)
    (line,) = doconv.summary(net, (1, 3, 8, 8)).layers
    assert line.maccs.plain == 3 * 3 * 9 * (8 * 8 + 4 * 4)


def test_shared_weights_count_once():
    first = nn.Conv2D(3, 3, padding=1, in_channels=3)
    net = nn.HybridSequential()
    net.add(first, nn.Conv2D(3, 3, padding=1, in_channels=3, params=first.params))
    doconv.over_parameterize(net)
    result = doconv.summary(net, (1, 3, 8, 8))
    assert [(line.parameters, line.d_parameters) for line in result.layers] == [(81, 243), (0, 0)]
    assert [line.note for line in result.layers] == ["", "weight of 0"]
    assert [line.maccs.plain for line in result.layers] == [81 * 64, 81 * 64]


def test_an_input_of_another_name():
    data, net = mx.sym.var("image"), small()
    block = SymbolBlock(net(data), data, params=net.collect_params())
    assert (
        doconv.summary(block, (1, 3, 8, 8)).layers[0].maccs == doconv.summary(net, (1, 3, 8, 8)).layers[0].maccs
    )


def test_what_cannot_be_traced():
    net = nn.Sequential()
    net.add(nn.Conv2D(3, 3))
    assert doconv.summary(net).layers[0].maccs is None
    with pytest.raises(doconv.DOConvError, match="not a HybridBlock"):
        doconv.summary(net, (1, 3, 8, 8))


def test_the_table():
    net = small(in_channels=3)
    net(images())
    doconv.over_parameterize(net, include="^0$")
    head, _, *rows = str(doconv.summary(net, (1, 3, 8, 8))).splitlines()
    assert " ".join(head.split()) == (
        "layer kind channels kernel groups D_mul weights D MACC plain kernel comp. feature comp."
    )
    assert " ".join(rows[0].split()) == "0 DO-Conv 3 → 8 3×3 1 9 216 243 13,824 15,768 29,376"
    assert " ".join(rows[1].split()).startswith("3 plain 8 → 8 3×3")
    assert "plain, pointwise" in rows[3]
    assert rows[4].startswith(
        "1 of 4 convolutions are DO-Conv; while training D adds 243 parameters to the 560"
    )
    assert rows[5].endswith(
        "plain and folded 13,824; kernel composition 15,768 (×1.141); feature composition 29,376 (×2.125)"
    )


def test_the_table_of_a_network_that_has_seen_no_data():
    net = small()
    doconv.over_parameterize(net)
    text = str(doconv.summary(net))
    assert "? → 8" in text
    assert "MACC" not in text
    assert text.endswith(
        "3 of 4 convolutions are DO-Conv; parameters are not known before the input's shape is"
    )
    with_shape = doconv.summary(net, (1, 3, 8, 8))
    assert [line.channels[0] for line in with_shape.layers] == [3, 8, 8, 8]
    assert [line.parameters for line in with_shape.layers] == [216, 288, 24, 32]
    assert [line.d_parameters for line in with_shape.layers] == [243, 648, 72, 0]

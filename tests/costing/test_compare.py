"""What both compositions cost: the paper's formulas, written out here, against counts of the graphs."""

from math import prod

import gluon_doconv as doconv
from gluon_doconv.cli import main
from gluon_doconv.core import kernel
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.core.kernel import Geometry
from gluon_doconv.core.macc import Macc, Memory, memory
from gluon_doconv.costing import compare as room

import mxnet as mx
import pytest
from click.testing import CliRunner
from mxnet.gluon import nn
from networks import anatomy, from_zoo, images, in_symbols, initialized, small, values

NETWORKS = {
    "cifar_resnet20_v1": 32,
    "cifar_resnet20_v2": 32,
    "cifar_resnext29_32x4d": 32,
    "mobilenetv2_0.25": 32,
    "mobilenetv3_small": 32,
    "resnest14": 64,
    "ssd_300_mobilenet0.25_voc": 64,
}


def papers_formulas(convolution, positions):
    """Section 3, letter by letter; C_in is per group where only a group's channels meet."""
    m_n, d_mul, c_out = prod(convolution.kernel_size), convolution.d_mul, convolution.channels
    c_in, met = convolution.in_channels, convolution.in_channels // convolution.groups
    kernel_composition = d_mul * m_n * met * c_out + c_out * met * positions * m_n
    feature_composition = d_mul * m_n * c_in * positions + c_out * met * positions * d_mul
    return c_out * met * positions * m_n, kernel_composition, feature_composition, c_out * m_n * met


def converted(net, size, **options):
    net(images(size))
    doconv.over_parameterize(net, **options)
    return net


@pytest.mark.parametrize(
    "name, d_mul", [*((name, None) for name in NETWORKS), ("cifar_resnet20_v1", 50), ("mobilenetv3_small", 50)]
)
def test_formulas_and_counts_agree_in_every_layer(name, d_mul):
    size = NETWORKS[name]
    net = converted(from_zoo(name), size, d_mul=d_mul)
    found = doconv.costs(net, (2, 3, size, size))
    doconv_layers = [layer for layer in found.layers if layer.memory]
    assert {layer.name for layer in doconv_layers} == {
        s.name for s in find_convolutions(net) if s.d is not None
    }
    for layer in found.layers:
        expected = {name: getattr(layer.formula, name) for name in room.COMPOSITIONS}
        assert all(counted in (expected[name], None) for name, counted in layer.counted.items())
        assert None not in (layer.counted["plain"], layer.counted["kernel"])
    assert found.disagreements == []
    inside_symbols = name.startswith("ssd")
    assert (found.total.counted["feature"] is None) == inside_symbols


@pytest.mark.parametrize("batch", [1, 3])
def test_formulas_are_the_papers(batch):
    """Of a network whose maps are known by hand: 8×8, padded, then 6×6, then 6×4."""
    net = converted(small(), 8, d_mul=11)
    layers = {layer.name: layer for layer in doconv.costs(net, (batch, 3, 8, 8)).layers}
    for convolution, positions in zip(find_convolutions(net), (8 * 8, 6 * 6, 6 * 4)):
        layer = layers[convolution.name]
        numbers = (layer.formula.plain, layer.formula.kernel, layer.formula.feature, layer.memory.kernel)
        assert numbers == papers_formulas(convolution, batch * positions)
        assert layer.memory.feature == batch * positions * convolution.d_mul * convolution.in_channels
        assert dict(layer.counted) == dict(zip(room.COMPOSITIONS, numbers))


def test_memory_is_the_size_of_the_arrays_that_are_held():
    """W' and P' as the layers compute them."""
    layer = doconv.DOConv2D(6, 3, groups=2, in_channels=4, d_mul=12)
    layer.initialize()
    x = mx.nd.ones((2, 4, 7, 9))
    folded = kernel.compose(layer.weight.data().asnumpy(), layer.D.data().asnumpy(), (3, 3))
    feature = mx.nd.Convolution(
        x, mx.nd.ones((48, 1, 3, 3)), kernel=(3, 3), num_filter=48, num_group=4, no_bias=True
    )
    held = memory(Geometry(6, (3, 3), 2, 12), 4, 2 * prod(layer(x).shape[2:]))
    assert (held.kernel, held.feature) == (folded.size, feature.size)


def test_the_whole_network_is_the_sum_of_all_that_runs():
    net = converted(from_zoo("cifar_resnet20_v1"), 32)
    found = doconv.costs(net, (1, 3, 32, 32))
    dense = next(layer for layer in found.layers if layer.kind == "FullyConnected")
    assert dense.formula == Macc(640, 640, 640)
    counts = doconv.summary(net, (1, 3, 32, 32)).layers
    pointwise = 2 * 16 * 32 * 16 * 16
    assert found.total.formula.plain == sum(c.maccs.plain for c in counts if c.maccs) + 640 + pointwise
    blocks = [(3, 16, 32), *6 * [(16, 16, 32)], (16, 32, 16), *5 * [(32, 32, 16)]]
    blocks += [(32, 64, 8), *5 * [(64, 64, 8)]]  # C_in, C_out, and the sides of the maps
    held = Memory(sum(9 * i * o for i, o, _ in blocks), sum(9 * i * side**2 for i, _, side in blocks))
    assert found.total.memory == held
    assert found.without == {"Activation": 18, "BatchNorm": 21, "elemwise_add": 9, "Pooling": 1}
    assert not found.uncounted


def test_a_layer_at_several_places_composes_at_each():
    layer = nn.Conv2D(3, 3, padding=1, in_channels=3)
    net = nn.HybridSequential()
    net.add(layer, nn.MaxPool2D(), layer)
    found = doconv.costs(converted(initialized(net), 8), (1, 3, 8, 8))
    (line,) = found.layers
    assert line.formula.kernel == 2 * 9 * 9 * 9 + 81 * (64 + 16) == line.counted["kernel"]
    assert line.memory == Memory(kernel=2 * 81, feature=9 * 3 * (64 + 16))
    assert found.disagreements == []


def test_a_kernel_at_several_places_of_a_graph_is_composed_once():
    data, weight = mx.sym.var("data"), mx.sym.var("conv_weight")
    conv = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 3, "no_bias": True}
    halved = mx.sym.Pooling(mx.sym.Convolution(data, weight, **conv), kernel=(2, 2), stride=(2, 2))
    net = nn.SymbolBlock(mx.sym.Convolution(halved, weight, **conv), data)
    (line,) = doconv.costs(converted(initialized(net), 8), (1, 3, 8, 8)).layers
    assert line.formula.kernel == 9 * 9 * 9 + 81 * (64 + 16) == line.counted["kernel"]
    assert line.memory == Memory(kernel=81, feature=9 * 3 * (64 + 16))


def test_layers_that_share_a_weight_are_one_line():
    first = nn.Conv2D(3, 3, padding=1, in_channels=3)
    net = nn.HybridSequential()
    net.add(first, nn.Conv2D(3, 3, padding=1, in_channels=3, params=first.params))
    found = doconv.costs(converted(initialized(net), 8), (1, 3, 8, 8))
    assert [layer.counted["plain"] for layer in found.layers] == [2 * 81 * 64]
    assert found.disagreements == []


def test_a_formula_that_is_wrong_is_found_out(monkeypatch):
    net = converted(small(), 8)
    monkeypatch.setattr(room, "macc", lambda *_: Macc(1, 2, 3))
    found = doconv.costs(net, (1, 3, 8, 8))
    assert "0, plain: formula 1, counted 13,824" in found.disagreements
    assert "formula 1, counted 13,824" in str(found)


def test_an_operator_that_cannot_be_counted_is_named():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(3, 3), nn.HybridLambda(lambda F, x: F.contrib.BilinearResize2D(x, height=4, width=4)))
    found = doconv.costs(converted(initialized(net), 8), (1, 3, 8, 8))
    assert list(found.uncounted) == ["_contrib_BilinearResize2D"]
    assert "NOT COUNTED: _contrib_BilinearResize2D ×1 (" in str(found)


@pytest.mark.parametrize("build", [small, in_symbols])
def test_a_network_is_not_changed(build):
    net = converted(build(), 8)
    was, before = anatomy(net), values(net)
    doconv.costs(net, (1, 3, 8, 8))
    assert anatomy(net) == was and list(values(net)) == list(before)
    assert {getattr(block, "_composition", "kernel") for block in net._children.values()} == {"kernel"}


def test_memory_is_said_in_mebibytes():
    """9 numbers for each of 3 channels and 64 × 512² positions, and a kernel of 8 × 3 × 9, of 4 bytes each."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(8, 3, padding=1, in_channels=3))
    said = str(doconv.costs(converted(initialized(net), 8), (64, 3, 512, 512)))
    assert "all W′ are 0.00 MiB and all P′, which training keeps, 1,728.00 MiB." in said


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(doconv.DOConvError, match="no DO-Conv layer"):
        doconv.costs(small(), (1, 3, 8, 8))
    net = small()
    doconv.over_parameterize(net)
    with pytest.raises(doconv.DOConvError, match="shapes of 0 are not known; run one batch"):
        doconv.costs(net, (1, 3, 8, 8))


def test_the_command():
    result = CliRunner().invoke(main, ["macc", "cifar_resnet20_v1", "--input-shape", "1,3,32,32"])
    assert result.exit_code == 0, result.output
    head, _, *rows = result.output.splitlines()
    assert "MACC plain" in head and "P′ (numbers)" in head
    assert " ".join(rows[0].split()) == (
        "features.0 DO-Conv 442,368 446,256 691,200 kernel, 1.55× 432 27,648 kernel, 64.00×"
    )
    total = next(row for row in rows if row.startswith("whole network"))
    assert " ".join(total.split()).startswith("whole network 40,813,184 43,222,448 54,498,944 kernel, 1.26×")
    assert "in all 22 layers the formulas are these counts" in result.output
    assert "NOT COUNTED" not in result.output

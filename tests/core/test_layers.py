"""DOConv1D, DOConv2D and DOConv3D compute what the definition says, and stand in for the plain layers."""

import inspect

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
import oracle
import pytest
from cases import DOCONV, PLAIN, array, cases, running, set_values
from hypothesis import given, settings
from mxnet.gluon import nn


@pytest.mark.usefixtures("each_composition")
@settings(max_examples=200)
@given(cases())
def test_output_is_the_definition(case):
    arrays = case.arrays()
    layer = case.layer()
    layer.initialize()
    net = running(layer, case.way)
    x = array(arrays["x"])
    net(x)  # shapes that were deferred are known now
    set_values(layer, arrays)
    np.testing.assert_allclose(net(x).asnumpy(), oracle.forward(arrays, case), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("d_mul", [None, 12, 4])
def test_deferred_shapes_resolve_behind_other_layers(d_mul):
    net = nn.HybridSequential()
    net.add(nn.BatchNorm(), doconv.DOConv2D(6, 3, groups=2, d_mul=d_mul), nn.Activation("relu"))
    net.add(doconv.DOConv2D(4, (1, 2), d_mul=d_mul and 3), nn.Dense(5))
    net.initialize()
    net.hybridize()
    assert net(mx.nd.ones((2, 4, 5, 5))).shape == (2, 5)
    assert net[1].weight.shape[:2] == (6, 2)
    assert net[1].D.shape == ((1, 3, 3, d_mul, 4) if d_mul else (9, 9, 4))
    assert net[3].D.shape == ((1, 1, 2, 3, 6) if d_mul else (2, 2, 6))


@pytest.mark.parametrize("d_mul", [None, 12, 4])
@pytest.mark.parametrize("hybridize", [True, False])
def test_a_graph_traced_before_any_data_came_is_no_obstacle(hybridize, d_mul):
    layer = doconv.DOConv2D(4, 3, groups=2, d_mul=d_mul)
    layer.initialize()
    layer(mx.sym.var("data"))
    layer.hybridize(hybridize)
    assert layer(mx.nd.ones((1, 6, 5, 5))).shape == (1, 4, 3, 3)


@pytest.mark.parametrize("spatial, op_count", [(4, 2), (64, 1)])
def test_auto_takes_the_composition_of_fewer_maccs(spatial, op_count):
    """64 input and 256 output channels: features are cheaper on 2×2 outputs, one kernel on 62×62."""
    layer = doconv.DOConv2D(256, 3, in_channels=64, composition="auto")
    layer.initialize()
    data = mx.sym.var("data", shape=(1, 64, spatial, spatial))
    operators = [node.list_attr() for node in layer(data).get_internals() if "num_filter" in node.list_attr()]
    assert len(operators) == op_count


POSITIONS = {
    1: (6, 3, 2, 1, 2, 2, "NCW", "relu", False, "ones", "zeros", 4),
    2: (6, (3, 2), (2, 1), (1, 0), (2, 1), 2, "NCHW", "relu", True, "ones", "ones", 4),
    3: (6, (3, 2, 1), (2, 1, 1), (1, 0, 0), (2, 1, 1), 2, "NCDHW", "relu", True, "ones", "zeros", 4),
}


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_every_positional_argument_means_what_it_means_in_the_plain_layer(axes):
    arguments = POSITIONS[axes]
    plain, layer = PLAIN[axes](*arguments), DOCONV[axes](*arguments)
    accepted = [
        p for p in inspect.signature(PLAIN[axes].__init__).parameters.values() if p.kind is not p.VAR_KEYWORD
    ]
    assert len(accepted) == 1 + len(arguments)  # and self
    assert layer._kwargs == plain._kwargs
    assert isinstance(layer, PLAIN[axes])
    assert layer.act._act_type == plain.act._act_type
    for name in ("weight", "bias"):
        ours, theirs = getattr(layer, name), getattr(plain, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert (ours.shape, ours.init) == (theirs.shape, theirs.init)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_defaults_are_those_of_the_plain_layer(axes):
    plain, layer = PLAIN[axes](channels=4, kernel_size=3), DOCONV[axes](channels=4, kernel_size=3)
    assert layer._kwargs == plain._kwargs
    assert layer.weight.shape == plain.weight.shape
    assert layer.bias.init == plain.bias.init


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_names_are_those_of_the_plain_layer(axes):
    def names_with(classes):
        with mx.name.NameManager():
            net = nn.HybridSequential()
            with net.name_scope():
                net.add(classes[axes](4, 3), classes[axes](4, 3, prefix="stem_"), nn.Dense(2))
            alone = classes[axes](4, 3)
        return [net.name, net[0].name, net[1].name, alone.name], [
            *net.collect_params(),
            *alone.collect_params(),
        ]

    plain_blocks, plain_parameters = names_with(PLAIN)
    blocks, parameters = names_with(DOCONV)
    assert blocks == plain_blocks
    assert [name for name in parameters if not name.endswith("_D")] == plain_parameters
    assert sum(name.endswith("_D") for name in parameters) == 3


def test_repr_is_that_of_the_plain_layer_and_d_mul():
    layer = doconv.DOConv2D(8, 3, 2, 1, groups=2, in_channels=4, activation="relu", use_bias=False)
    assert repr(layer) == (
        "DOConv2D(2 -> 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), groups=2, bias=False, "
        "Activation(relu), d_mul=9)"
    )
    assert repr(doconv.DOConv1D(8, 3, d_mul=7)) == "DOConv1D(None -> 8, kernel_size=(3,), stride=(1,), d_mul=7)"


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("way", ["imperative", "hybridized"])
def test_a_pointwise_layer_is_the_plain_layer(axes, way):
    layer = DOCONV[axes](4, 1, d_mul=5)
    assert layer.D is None
    assert [name.rsplit("_", 1)[1] for name in layer.collect_params()] == ["weight", "bias"]
    assert "d_mul" not in repr(layer)
    layer.initialize()
    x = np.random.default_rng(0).normal(size=(2, 3, *(5,) * axes)).astype("float32")
    y = running(layer, way)(mx.nd.array(x))
    expected = np.einsum("oi,bi...->bo...", layer.weight.data().asnumpy().reshape(4, 3), x)
    np.testing.assert_allclose(y.asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_layers_that_share_parameters_share_d():
    one = doconv.DOConv2D(4, 3, in_channels=4)
    other = doconv.DOConv2D(4, 3, in_channels=4, params=one.params)
    assert other.weight is one.weight
    assert other.D is one.D

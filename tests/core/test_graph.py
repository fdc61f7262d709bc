"""Graphs: their convolutions are found, composed and folded, and nothing else in them changes."""

from gluon_doconv import DOConvError
from gluon_doconv.core import kernel, operators
from gluon_doconv.core.graph import ConvolutionNode, Graph
from gluon_doconv.core.kernel import Geometry
from gluon_doconv.core.tracing import trace

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn
from networks import nodes, small

X, W, D = (mx.sym.var(name) for name in ("data", "c_weight", "c_D"))


def convolve(x, weight, name="c_fwd", **kwargs):
    kwargs = {"kernel": (3, 3), "num_filter": 4, "no_bias": True, **kwargs}
    return mx.sym.Convolution(x, weight, name=name, **kwargs)


def composed(d_mul=9, groups=1):
    return operators.compose(mx.sym, W, D, Geometry(4, (3, 3), groups, d_mul))


@pytest.mark.parametrize(
    "symbol, found",
    [
        (convolve(X, W), ConvolutionNode("c_fwd", "c_weight", None, 4, (3, 3), 1, None)),
        (
            convolve(X, W, num_group=2, layout="NCHW"),
            ConvolutionNode("c_fwd", "c_weight", None, 4, (3, 3), 2, "NCHW"),
        ),
        (
            convolve(X, W, kernel=(5,), num_filter=7),
            ConvolutionNode("c_fwd", "c_weight", None, 7, (5,), 1, None),
        ),
        (convolve(X, composed()), ConvolutionNode("c_fwd", "c_weight", "c_D", 4, (3, 3), 1, None)),
        (
            convolve(X, composed(20, 2), num_group=2),
            ConvolutionNode("c_fwd", "c_weight", "c_D", 4, (3, 3), 2, None),
        ),
    ],
)
def test_convolutions_are_described(symbol, found):
    assert Graph(mx.sym.relu(symbol)).convolutions() == [found]


@pytest.mark.parametrize(
    "symbol",
    [
        mx.sym.FullyConnected(X, W, num_hidden=3),
        mx.sym.Deconvolution(X, W, kernel=(3, 3), num_filter=4),
        convolve(X, 2 * W),  # computed from one variable
        convolve(X, W + mx.sym.var("other")),  # from two that are not W and D of one layer
        convolve(X, W + mx.sym.var("other_D")),
        convolve(X, mx.sym.relu(X)),
    ],
)
def test_other_nodes_are_not(symbol):
    assert Graph(symbol).convolutions() == []


@pytest.mark.parametrize("groups, d_mul", [(1, None), (1, 12), (2, None), (2, 18), (4, None), (4, 5)])
def test_over_parameterized_by_hand(groups, d_mul):
    """Against the kernel composed in NumPy, C_in known from the data alone."""
    graph = Graph(convolve(X, W, num_group=groups))
    (plain,) = graph.convolutions()
    geometry = plain.geometry(d_mul)
    graph.over_parameterize(plain, mx.sym.var("c_D", shape=geometry.d_shape(-1)), geometry)
    symbol = graph.symbol()
    shapes = dict(zip(symbol.list_arguments(), symbol.infer_shape(data=(2, 8, 6, 6))[0]))
    assert shapes["c_weight"] == (4, 8 // groups, *geometry.weight_tail)
    assert shapes["c_D"] == ((1, 3, 3, d_mul, 8) if d_mul else (9, 9, 8))

    arrays = {name: mx.nd.random.normal(shape=shape) for name, shape in shapes.items()}
    y = symbol.eval(**arrays)[0].asnumpy()
    folded = kernel.compose(arrays["c_weight"].asnumpy(), arrays["c_D"].asnumpy(), (3, 3))
    expected = mx.nd.Convolution(
        arrays["data"], mx.nd.array(folded), kernel=(3, 3), num_filter=4, num_group=groups, no_bias=True
    )
    np.testing.assert_allclose(y, expected.asnumpy(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("d_mul", [None, 20])
def test_there_and_back_node_for_node(d_mul):
    net = small()
    plain = trace(net)
    graph = Graph(plain)
    spatial = [c for c in graph.convolutions() if c.kernel_size != (1, 1)]
    assert len(spatial) == 3
    for convolution in spatial:
        d = mx.sym.var(f"{convolution.weight[:-6]}D")
        graph.over_parameterize(convolution, d, convolution.geometry(d_mul))
    changed = Graph(graph.symbol())
    assert [c.d for c in changed.convolutions()] == ["small_conv0_D", "small_conv1_D", "small_conv2_D", None]
    assert nodes(changed.symbol()) != nodes(plain)
    for convolution in changed.convolutions():
        if convolution.d:
            changed.fold(convolution)
    assert nodes(changed.symbol()) == nodes(plain)


def test_the_shape_that_a_variable_declares_follows():
    def declared():
        return graph.symbol().attr_dict()["c_weight"]["__shape__"]

    graph = Graph(convolve(X, mx.sym.var("c_weight", shape=(4, 0, 3, 3))))
    graph.over_parameterize(graph.convolutions()[0], D, Geometry(4, (3, 3), 1, 20))
    assert declared() == "(4, 0, 20)"
    graph.fold(graph.convolutions()[0])
    assert declared() == "(4, 0, 3, 3)"


def test_every_convolution_of_a_shared_weight_changes():
    graph = Graph(convolve(convolve(X, W, pad=(1, 1)), W, name="again_fwd"))
    first, again = graph.convolutions()
    graph.over_parameterize(first, D, first.geometry(None))
    assert [c.d for c in graph.convolutions()] == ["c_D", "c_D"]
    graph.fold(graph.convolutions()[1])
    assert [(c.node, c.d) for c in graph.convolutions()] == [("c_fwd", None), ("again_fwd", None)]
    assert (first.node, again.node) == ("c_fwd", "again_fwd")


def test_data_may_be_any_output_of_any_node():
    """Its second one here, which has other channels than the first."""
    parts = mx.sym.split_v2(X, indices_or_sections=(2,), axis=1)
    graph = Graph(convolve(parts[1], W))
    (plain,) = graph.convolutions()
    graph.over_parameterize(plain, D, plain.geometry(12))
    arrays = {
        "data": mx.nd.random.normal(shape=(1, 6, 5, 5)),
        "c_weight": mx.nd.random.normal(shape=(4, 4, 12)),
        "c_D": mx.nd.random.normal(shape=(1, 3, 3, 12, 4)),
    }
    folded = kernel.compose(arrays["c_weight"].asnumpy(), arrays["c_D"].asnumpy(), (3, 3))
    expected = convolve(parts[1], W).eval(data=arrays["data"], c_weight=mx.nd.array(folded))[0]
    np.testing.assert_allclose(
        graph.symbol().eval(**arrays)[0].asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-3
    )


def test_tracing():
    net = small()
    assert trace(net).list_inputs()[0] == "data"
    net.hybridize()
    net(mx.nd.zeros((1, 3, 8, 8)))
    assert trace(net) is net._cached_graph[1]
    assert nodes(trace(net, afresh=True)) == nodes(net._cached_graph[1])


class TwoInputs(nn.HybridBlock):
    def hybrid_forward(self, F, x, y):
        return F.concat(x, y), x


def test_tracing_two_inputs():
    net = TwoInputs()
    with pytest.raises(DOConvError, match="hybridize it and run it once"):
        trace(net)
    net.hybridize()
    net(mx.nd.zeros((1, 2)), mx.nd.zeros((1, 2)))
    assert nodes(trace(net, afresh=True)) == nodes(trace(net))
    assert trace(net).list_inputs() == ["data0", "data1"]


def test_tracing_what_has_no_graph():
    with pytest.raises(DOConvError, match="not a HybridBlock"):
        trace(nn.Sequential())

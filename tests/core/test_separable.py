"""Trained by kernel composition, deployed by feature composition: both equal, and equal to float64 NumPy."""

import json
from dataclasses import replace
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.separable import separate_layer
from gluon_doconv.zoo.mobilenet import SeparableMobileNet

import mxnet as mx
import numpy as np
import oracle
import pytest
from cases import Case, cases, set_values
from hypothesis import assume, given, settings
from mxnet.gluon import nn
from networks import initialized, perturb, small


@settings(max_examples=60)
@given(cases(composition="kernel", way="imperative", deferred=False))
def test_both_compositions_are_numpys(case):
    """Any geometry and any D_mul, in double precision."""
    case = replace(case, d_mul=max(1, case.columns % case.patch or 1) if case.seed % 2 else case.d_mul)
    arrays, layer = case.arrays(), case.layer()
    layer.initialize()
    set_values(layer, arrays)
    x = mx.nd.array(arrays["x"], dtype="float64")
    expected = oracle.forward(arrays, case)
    pair = separate_layer(layer)
    np.testing.assert_allclose(layer(x).asnumpy(), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(pair(x).asnumpy(), expected, rtol=1e-9, atol=1e-9)
    assert [type(plain) for plain in pair._children.values()] == [type(case.plain())] * 2
    depthwise, pointwise = pair._children.values()
    assert depthwise._kwargs["num_group"] == case.in_channels
    assert set(pointwise._kwargs["kernel"]) == {1}


@given(cases())
def test_separate_kernels_compose_to_the_folded_one(case):
    """Σ_s pointwise · depthwise, one scalar at a time."""
    assume(case.channels * case.patch * case.columns < 2000)
    arrays = case.arrays()
    depthwise, pointwise = kernel.separate(arrays["weight"], arrays["D"], case.kernel_size)
    folded = kernel.compose(arrays["weight"], arrays["D"], case.kernel_size).reshape(
        case.channels, case.in_per_group, case.patch
    )
    first, second = depthwise.reshape(-1, case.patch), pointwise.reshape(case.channels, -1)
    for o, i, m in np.ndindex(folded.shape):
        channel = o // case.out_per_group * case.in_per_group + i
        total = sum(
            second[o, i * case.columns + s] * first[channel * case.columns + s, m] for s in range(case.columns)
        )
        assert total == pytest.approx(folded[o, i, m], rel=1e-9, abs=1e-9)


def trained_mobilenet(dtype, steps=2):
    """Trained by kernel composition for a few steps, so that every W, D and BatchNorm has moved."""
    mx.random.seed(0)
    net = SeparableMobileNet(multiplier=0.25, classes=5)
    net.cast(dtype)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.05, "momentum": 0.9})
    x = mx.nd.random.normal(shape=(8, 3, 64, 64)).astype(dtype)
    y = mx.nd.arange(8) % 5
    start = {name: p.data().asnumpy() for name, p in net.collect_params().items() if name.endswith("D")}
    for _ in range(steps):
        with mx.autograd.record():
            loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(net(x), y.astype(dtype)).mean()
        loss.backward()
        trainer.step(1)
    assert len(start) == 13
    assert all(np.abs(net.collect_params()[name].data().asnumpy() - d).max() > 0 for name, d in start.items())
    return net, x


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-11), ("float32", 1e-4)])
def test_mobilenet_computes_the_same_before_and_after(dtype, tolerance):
    net, x = trained_mobilenet(dtype)
    trained = net(x).asnumpy()
    names = doconv.separate(net)
    deployed = net(x).asnumpy()
    assert len(names) == 13
    np.testing.assert_allclose(deployed, trained, rtol=0, atol=tolerance * np.abs(trained).max())
    assert not any(name[-1] == "D" for name in net.collect_params())


def numpy_convolution(x, layer):
    """One plain convolution in float64."""
    kwargs = layer._kwargs
    case = oracle_case(kwargs, x.shape[1])
    return oracle.convolve(x, layer.weight.data().asnumpy().astype("float64"), case)


def oracle_case(kwargs, in_channels):
    groups = kwargs["num_group"]
    return Case(
        kernel_size=tuple(kwargs["kernel"]),
        strides=tuple(kwargs["stride"]),
        padding=tuple(kwargs["pad"]),
        dilation=tuple(kwargs["dilate"]),
        spatial=(),
        groups=groups,
        in_per_group=in_channels // groups,
        out_per_group=kwargs["num_filter"] // groups,
        batch=0,
        use_bias=False,
        activation=None,
        d_mul=None,
        composition="kernel",
        deferred=False,
        way="imperative",
        seed=0,
    )


def test_the_deployed_mobilenet_is_numpys():
    """The whole network in NumPy, with the kernels the trained one folds into, in double precision."""
    net, x = trained_mobilenet("float64")
    x = x[:1]
    value = x.asnumpy()
    for layer in net.features._children.values():
        if isinstance(layer, doconv.DOConv2D):
            folded = kernel.compose(layer.weight.data().asnumpy(), layer.D.data().asnumpy(), (3, 3))
            value = oracle.convolve(value, folded, oracle_case(layer._kwargs, value.shape[1]))
        elif isinstance(layer, nn.Conv2D):
            value = numpy_convolution(value, layer)
        elif isinstance(layer, nn.BatchNorm):
            gamma, beta, mean, variance = (
                parameter.data().asnumpy()[:, None, None]
                for parameter in (layer.gamma, layer.beta, layer.running_mean, layer.running_var)
            )
            value = (value - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        elif isinstance(layer, nn.Activation):
            value = np.maximum(value, 0)
        elif isinstance(layer, nn.GlobalAvgPool2D):
            value = value.mean(axis=(2, 3))
    expected = value @ net.output.weight.data().asnumpy().T + net.output.bias.data().asnumpy()
    doconv.separate(net)
    np.testing.assert_allclose(net(x).asnumpy(), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_what_is_exported_is_plain(tmp_path):
    net, x = trained_mobilenet("float32")
    trained = net(x).asnumpy()
    doconv.separate(net)
    symbol, params = doconv.export(net, str(tmp_path / "mobilenet"))
    nodes = json.loads(Path(symbol).read_text())["nodes"]
    operators = {node["op"] for node in nodes}
    assert operators == {
        "null",
        "Convolution",
        "BatchNorm",
        "Activation",
        "Pooling",
        "Flatten",
        "FullyConnected",
    }
    convolutions = [node["attrs"] for node in nodes if node["op"] == "Convolution"]
    assert [c["kernel"] for c in convolutions] == ["(3, 3)"] + ["(3, 3)", "(1, 1)"] * 13
    assert [int(c["num_group"]) > 1 for c in convolutions] == [False] + [True, False] * 13
    loaded = mx.gluon.SymbolBlock.imports(symbol, ["data"], params)
    np.testing.assert_allclose(loaded(x).asnumpy(), trained, rtol=0, atol=1e-4 * np.abs(trained).max())


def test_feature_composition_is_the_cheaper_one():
    net, _ = trained_mobilenet("float32", steps=1)
    total = doconv.costs(net, (1, 3, 64, 64)).total
    assert total.formula.feature < total.formula.kernel / 3
    assert total.counted["feature"] == total.formula.feature


def test_folding_it_keeps_the_one_convolution():
    net, x = trained_mobilenet("float32", steps=1)
    trained = net(x).asnumpy()
    doconv.fold(net)
    np.testing.assert_array_equal(net(x).asnumpy(), trained)
    assert type(net.features[3]) is nn.Conv2D and net.features[3].weight.shape == (16, 8, 3, 3)


def test_attributes_and_children_are_replaced_and_others_are_left():
    class Holder(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.body = doconv.DOConv2D(4, 3, in_channels=2, d_mul=2)
            self.other = doconv.DOConv2D(4, 3, in_channels=4)

        def hybrid_forward(self, F, x):
            return self.other(self.body(x))

    net = Holder()
    net.initialize()
    perturb(net)
    x = mx.nd.random.normal(shape=(1, 2, 8, 8))
    expected = net(x).asnumpy()
    assert doconv.separate(net) == ["body"]
    np.testing.assert_allclose(net(x).asnumpy(), expected, rtol=1e-5, atol=1e-5)
    assert net.body is net._children["body"] and isinstance(net.body, nn.HybridSequential)
    assert isinstance(net.other, doconv.DOConv2D)


def test_refused():
    with pytest.raises(doconv.DOConvError, match="no layer with D_mul < M·N"):
        doconv.separate(initialized(small()))
    layer = doconv.DOConv2D(4, 3, d_mul=1)
    net = nn.HybridSequential()
    net.add(layer)
    with pytest.raises(doconv.DOConvError, match="has no values yet"):
        doconv.separate(net)
    with pytest.raises(doconv.DOConvError, match="not a DO-Conv layer"):
        separate_layer(nn.Conv2D(4, 3))
    net.initialize()
    net(mx.nd.zeros((1, 2, 5, 5)))
    layer.D.set_data(layer.D.data() * np.inf)
    with pytest.raises(doconv.DOConvError, match="not finite"):
        doconv.separate(net)
    assert net[0] is layer

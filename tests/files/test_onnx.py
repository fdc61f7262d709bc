"""What is exported to ONNX computes, in ONNX Runtime, what the network computes."""

import sys

import gluon_doconv as doconv

import numpy as np
import onnx
import onnxruntime
import pytest
from mxnet.gluon import nn
from networks import (
    TwoInputs,
    doconv_network,
    from_zoo,
    images,
    initialized,
    outputs,
    perturb,
    same_bits,
    slow_but_first,
)
from oracle import convolutions_of


@pytest.mark.parametrize("name", slow_but_first(["cifar_resnet20_v1", "mobilenetv3_small"]))
def test_onnx_computes_what_the_network_computes(name, tmp_path):
    net, x = doconv_network(lambda: from_zoo(name), 32), images(32)
    (expected,) = outputs(net, x)
    path = str(tmp_path / "net.onnx")
    assert doconv.export_onnx(net, path, x.shape) == path
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    assert same_bits(outputs(net, x), [expected])

    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import] == [13]
    assert [entry.name for entry in model.graph.input] == ["data"]
    assert not [entry.name for entry in model.graph.initializer if entry.name.endswith("_D")]
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == len(convolutions_of(from_zoo(name)))

    (found,) = onnxruntime.InferenceSession(path).run(None, {"data": x.asnumpy()})
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_onnx_of_a_network_with_two_inputs(tmp_path):
    net, x, y = initialized(TwoInputs()), images(8), images(8)
    perturb(net)
    net.hybridize()
    expected = [array.asnumpy() for array in net(x, y)]
    path = doconv.export_onnx(net, str(tmp_path / "net.onnx"), [x.shape, y.shape])
    session = onnxruntime.InferenceSession(path)
    found = session.run(None, {"data0": x.asnumpy(), "data1": y.asnumpy()})
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", ["onnx", "onnx.mapping"])  # later versions have no onnx.mapping
def test_without_onnx_it_says_what_to_install(missing, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(doconv.DOConvError, match=r"at most 1.18 .*pip install gluon_doconv\[onnx\]"):
        doconv.export_onnx(doconv_network(), str(tmp_path / "net.onnx"), (1, 3, 8, 8))
    assert list(tmp_path.iterdir()) == []


def test_an_operator_that_onnx_lacks(tmp_path):
    net = doconv_network()
    net.add(nn.HybridLambda(lambda F, x: F.contrib.quadratic(x, a=1)))
    with pytest.raises(doconv.DOConvError, match="no ONNX translation"):
        doconv.export_onnx(net, str(tmp_path / "net.onnx"), (1, 3, 8, 8))
    assert list(tmp_path.iterdir()) == []

"""Exported networks: what leaves is the plain network's export, and the live network notices nothing."""

import os
import sys

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.files.params import read_params, write_params

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import autograd, gluon
from mxnet.gluon import SymbolBlock, nn
from networks import (
    ZOO,
    anatomy,
    composed_in_numpy,
    from_zoo,
    images,
    in_symbols,
    initialized,
    nodes,
    outputs,
    perturb,
    same_bits,
    same_values,
    small,
    values,
)
from test_checkpoint import predict_without_doconv

NETWORKS = {"small": small, "in_symbols": in_symbols, **{name: lambda n=name: from_zoo(n) for name in ZOO}}
EVERY_COMPOSITION = ["kernel", "feature", "auto"]


def doconv_network(build=small, size=8, hybrid=False, **options):
    net = build()
    net.hybridize(hybrid)
    net(images(size))
    doconv.over_parameterize(net, **options)
    perturb(net)
    net(images(size))
    return net


def arrays(path):
    return {name: array.asnumpy() for name, array in read_params(path).items()}


def exported(prefix):
    """The graph and the arrays of an export."""
    return nodes(mx.sym.load(f"{prefix}-symbol.json")), arrays(f"{prefix}-0000.params")


def stock_export(net, prefix, size):
    net.hybridize()
    net(images(size))
    net.export(str(prefix))
    return exported(prefix)


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
@pytest.mark.parametrize("name", NETWORKS)
def test_export_is_the_plain_export(name, hybrid, tmp_path):
    size = ZOO.get(name, 8)
    net, x = NETWORKS[name](), images(size)
    graph, plain_arrays = stock_export(net, tmp_path / "plain", size)
    net.hybridize(False)
    net.hybridize(hybrid)
    doconv.over_parameterize(net)
    perturb(net)
    expected = outputs(net, x)
    was, before = anatomy(net), values(net)
    composed = composed_in_numpy(net, kernel.compose)

    paths = doconv.export(net, str(tmp_path / "folded"))
    assert paths == (f"{tmp_path}/folded-symbol.json", f"{tmp_path}/folded-0000.params")
    folded_graph, folded_arrays = exported(tmp_path / "folded")
    assert folded_graph == graph
    assert set(folded_arrays) == set(plain_arrays)
    for name, array in folded_arrays.items():
        assert array.shape == plain_arrays[name].shape
        if name[4:] in composed:
            assert not np.array_equal(array, plain_arrays[name])
            np.testing.assert_allclose(array, composed[name[4:]], rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(array, plain_arrays[name])
    imported = SymbolBlock.imports(paths[0], ["data"], paths[1])
    assert same_bits(outputs(imported, x), expected)

    assert anatomy(net) == was
    assert same_values(values(net), before)
    assert same_bits(outputs(net, x), expected)

    net.hybridize()
    net(x)
    net.export(str(tmp_path / "doconv"))
    names = doconv.fold_symbol(str(tmp_path / "doconv"), 0, str(tmp_path / "refolded"))
    assert sorted(names) == sorted(
        convolution.weight.name[: -len("_weight")] for convolution in find_convolutions(net) if convolution.d
    )
    refolded_graph, refolded_arrays = exported(tmp_path / "refolded")
    assert refolded_graph == graph
    assert same_bits([refolded_arrays[name] for name in folded_arrays], list(folded_arrays.values()))


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
@pytest.mark.parametrize("composition", EVERY_COMPOSITION)
def test_every_composition_is_exported_as_a_plain_convolution(composition, hybrid, d_mul, tmp_path):
    x = images()
    net = doconv_network(hybrid=hybrid, composition=composition, d_mul=d_mul)
    expected = outputs(net, x)
    doconv.export(net, str(tmp_path / "folded"))
    assert same_bits(outputs(net, x), expected)
    doconv.fold(net)
    graph, folded_arrays = stock_export(net, tmp_path / "plain", 8)
    assert exported(tmp_path / "folded")[0] == graph
    assert same_values(exported(tmp_path / "folded")[1], folded_arrays)
    np.testing.assert_allclose(outputs(net, x)[0], expected[0], rtol=1e-4, atol=1e-6)


def test_a_live_network_trains_on_after_export(tmp_path):
    net = doconv_network(hybrid=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    doconv.export(net, str(tmp_path / "folded"))
    before = net[0].D.data().asnumpy()
    with autograd.record():
        loss = (net(images()) ** 2).sum()
    loss.backward()
    trainer.step(1)
    assert np.any(net[0].D.data().asnumpy() != before)


def test_a_plain_network_is_exported_as_it_is(tmp_path):
    net = small()
    graph, plain_arrays = stock_export(net, tmp_path / "plain", 8)
    doconv.export(net, str(tmp_path / "again"), epoch=7)
    os.rename(tmp_path / "again-0007.params", tmp_path / "again-0000.params")
    assert exported(tmp_path / "again")[0] == graph
    assert same_values(exported(tmp_path / "again")[1], plain_arrays)


def test_files_serve_where_doconv_is_not_installed(tmp_path):
    net, x = doconv_network(in_symbols), images()
    files = doconv.export(net, str(tmp_path / "folded"))
    assert same_bits(predict_without_doconv(tmp_path, *files, x), outputs(net, x))


class TwoInputs(nn.HybridBlock):
    def __init__(self, **options):
        super().__init__()
        with self.name_scope():
            self.conv = doconv.DOConv2D(4, 3, in_channels=3, **options)

    def hybrid_forward(self, F, x, y):
        return self.conv(x) + self.conv(y), x


@pytest.mark.parametrize("composition", EVERY_COMPOSITION)
def test_two_inputs(composition, tmp_path):
    net, x, y = initialized(TwoInputs(composition=composition)), images(), images()
    with pytest.raises(doconv.DOConvError, match="hybridize it and run it once"):
        doconv.export(net, str(tmp_path / "folded"))
    perturb(net)
    net.hybridize()
    expected = [array.asnumpy() for array in net(x, y)]
    symbol, params = doconv.export(net, str(tmp_path / "folded"))
    found = SymbolBlock.imports(symbol, ["data0", "data1"], params)(x, y)
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.asnumpy(), b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("d_mul", [None, 20])
def test_a_doconv_export_is_imported_trained_and_folded(d_mul, tmp_path):
    net, x = doconv_network(hybrid=True, d_mul=d_mul), images()
    net.export(str(tmp_path / "doconv"))
    files = [str(tmp_path / "doconv-symbol.json"), ["data"], str(tmp_path / "doconv-0000.params")]
    imported = SymbolBlock.imports(*files)
    assert same_bits(outputs(imported, x), outputs(net, x))
    with pytest.warns(doconv.DOConvWarning):
        assert doconv.over_parameterize(imported).changed == []

    trainer = gluon.Trainer(imported.collect_params(), "sgd", {"learning_rate": 0.1})
    before = [
        convolution.d.data().asnumpy()
        for convolution in find_convolutions(imported)
        if convolution.d is not None
    ]
    with autograd.record():
        loss = (imported(x) ** 2).sum()
    loss.backward()
    trainer.step(1)
    after = [
        convolution.d.data().asnumpy()
        for convolution in find_convolutions(imported)
        if convolution.d is not None
    ]
    assert len(after) == 3
    assert all(np.any(a != b) for a, b in zip(after, before))

    trained = outputs(imported, x)
    assert len(doconv.fold(imported).changed) == 3
    assert same_bits(outputs(imported, x), trained)
    doconv.fold(net)
    assert nodes(imported._cached_graph[1]) == stock_export(net, tmp_path / "plain", 8)[0]


def test_a_graph_without_its_d_is_refused(tmp_path):
    net = doconv_network(hybrid=True, composition="feature")
    net.export(str(tmp_path / "doconv"))
    with pytest.raises(doconv.DOConvError, match="traced with composition='feature'"):
        doconv.fold_symbol(str(tmp_path / "doconv"), 0, str(tmp_path / "folded"))
    assert not list(tmp_path.glob("folded*"))


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda symbol, params: symbol.unlink(), "doconv-symbol.json: there is no such file"),
        (lambda symbol, params: params.unlink(), "doconv-0000.params: there is no such file"),
        (lambda symbol, params: symbol.write_text("{"), "doconv-symbol.json is damaged"),
        (lambda symbol, params: params.write_text("{"), "doconv-0000.params is damaged"),
        (lambda symbol, params: write_params(params, {"arg:a": mx.nd.ones(1)}), "plain export, or folded"),
    ],
)
def test_exports_that_cannot_be_folded(damage, message, tmp_path):
    doconv_network(hybrid=True).export(str(tmp_path / "doconv"))
    damage(tmp_path / "doconv-symbol.json", tmp_path / "doconv-0000.params")
    with pytest.raises(doconv.DOConvError, match=message):
        doconv.fold_symbol(str(tmp_path / "doconv"), 0, str(tmp_path / "folded"))
    assert not list(tmp_path.glob("*folded*"))


@pytest.fixture(scope="module")
def sound_graph(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("sound") / "doconv"
    doconv_network(hybrid=True).export(str(prefix))
    return prefix


@settings(max_examples=60)
@given(st.data())
def test_a_graph_file_that_ends_early(tmp_path_factory, sound_graph, data):
    text = (sound_graph.parent / "doconv-symbol.json").read_text()
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "doconv-symbol.json").write_text(text[: data.draw(st.integers(0, len(text) - 3))])
    (folder / "doconv-0000.params").write_bytes((sound_graph.parent / "doconv-0000.params").read_bytes())
    with pytest.raises(doconv.DOConvError, match="is damaged"):
        doconv.fold_symbol(str(folder / "doconv"), 0, str(folder / "folded"))


@pytest.mark.parametrize(
    "export", [doconv.export, lambda net, path: doconv.export_onnx(net, path, (1, 3, 8, 8))]
)
def test_a_network_that_cannot_be_exported(export, tmp_path):
    target = str(tmp_path / "net")
    with pytest.raises(doconv.DOConvError, match="has no values yet"):
        export(small(), target)
    with pytest.raises(doconv.DOConvError, match="not a HybridBlock"):
        export(nn.Sequential(), target)
    net = doconv_network()
    net[3].D.data()[0] = np.nan
    with pytest.raises(doconv.DOConvError, match=r"small_conv1_D.* not finite"):
        export(net, target)
    with pytest.raises(doconv.DOConvError, match="missing does not exist"):
        export(doconv_network(), str(tmp_path / "missing" / "net"))
    assert list(tmp_path.iterdir()) == []


# ONNX


@pytest.mark.parametrize("name", ["cifar_resnet20_v1", "mobilenetv3_small"])
def test_onnx_computes_what_the_network_computes(name, tmp_path):
    net, x = doconv_network(NETWORKS[name], 32), images(32)
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
    assert kinds.count("Conv") == len(find_convolutions(net))

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

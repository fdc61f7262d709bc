"""Exported networks: what leaves is the plain network's export, and the live network notices nothing."""

import os

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.files.params import read_params

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon
from mxnet.gluon import SymbolBlock, nn
from networks import (
    ZOO,
    TwoInputs,
    anatomy,
    composed_in_numpy,
    doconv_network,
    ds,
    from_zoo,
    images,
    in_symbols,
    initialized,
    nodes,
    outputs,
    perturb,
    predict_without_doconv,
    same_bits,
    same_values,
    slow_but_first,
    small,
    values,
)
from oracle import spatial_convolutions_of

EXPORTED = {"small": small, "in_symbols": in_symbols, **{name: lambda n=name: from_zoo(n) for name in ZOO}}
EVERY_COMPOSITION = ["kernel", "feature", "auto"]


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
@pytest.mark.parametrize("name", ["small", "in_symbols", *slow_but_first(ZOO)])
def test_export_is_the_plain_export(name, hybrid, tmp_path):
    size = ZOO.get(name, 8)
    net, x = EXPORTED[name](), images(size)
    spatial = spatial_convolutions_of(net)
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
    assert sorted(f"{name}_D" for name in names) == sorted(d.name for d in ds(net))
    assert len(names) == len(spatial)
    refolded_graph, refolded_arrays = exported(tmp_path / "refolded")
    assert refolded_graph == graph
    assert same_bits([refolded_arrays[name] for name in folded_arrays], list(folded_arrays.values()))


@pytest.mark.slow
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


@pytest.mark.slow
def test_files_serve_where_doconv_is_not_installed(tmp_path):
    net, x = doconv_network(in_symbols), images()
    files = doconv.export(net, str(tmp_path / "folded"))
    assert same_bits(predict_without_doconv(tmp_path, *files, x), outputs(net, x))


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

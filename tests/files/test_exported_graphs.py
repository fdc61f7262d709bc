"""Graphs that were exported with their D: imported, trained on and folded, or refused."""

import gluon_doconv as doconv
from gluon_doconv.files.params import write_params

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import autograd, gluon
from mxnet.gluon import SymbolBlock
from networks import (
    doconv_network,
    ds,
    images,
    nodes,
    outputs,
    same_bits,
)


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
    before = [d.data().asnumpy() for d in ds(imported)]
    with autograd.record():
        loss = (imported(x) ** 2).sum()
    loss.backward()
    trainer.step(1)
    after = [d.data().asnumpy() for d in ds(imported)]
    assert len(after) == 3
    assert all(np.any(a != b) for a, b in zip(after, before))

    trained = outputs(imported, x)
    assert len(doconv.fold(imported).changed) == 3
    assert same_bits(outputs(imported, x), trained)
    doconv.fold(net)
    net(x)
    net.export(str(tmp_path / "plain"))
    assert nodes(imported._cached_graph[1]) == nodes(mx.sym.load(str(tmp_path / "plain-symbol.json")))


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

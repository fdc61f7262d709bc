"""Graphs as people have them, written out by hand; what stock MXNet computes of them is the oracle."""

import json

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.graph import Graph

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import SymbolBlock
from networks import nodes

X = mx.nd.arange(2 * 3 * 36).reshape((2, 3, 6, 6)) / 100


def graph(
    key="attrs",
    version=10901,
    kernel="(3, 3)",
    weight="c1_weight",
    name="c1",
    op="Convolution",
    weight_attributes=None,
    node_attributes=(),
    declared=True,
    head=(2, 0, 0),
):
    """One convolution. ``key`` is what a time called attributes; MXNet before 0.9 left out its weight."""
    attributes = {"kernel": kernel, "num_filter": "4", "pad": "(1, 1)", "no_bias": "True"}
    variable = {"op": "null", "name": weight, "inputs": []}
    if weight_attributes:
        variable[key] = weight_attributes
    convolution = {
        "op": op,
        "name": name,
        key: {**attributes, **dict(node_attributes)},
        "inputs": [[0, 0], [1, 0]],
    }
    listed = [{"op": "null", "name": "data", "inputs": []}, variable, convolution]
    if not declared:
        listed, convolution["inputs"], head = [listed[0], convolution], [[0, 0]], (1, 0)
    variables = [number for number, node in enumerate(listed) if node["op"] == "null"]
    written = {"nodes": listed, "arg_nodes": variables, "heads": [list(head)]}
    if version:
        written["attrs"] = {"mxnet_version": ["int", version]}
    return written


GRAPHS = {
    "1.9": graph(),
    "1.0, attr": graph("attr", 10000),
    "0.9.4, attr": graph("attr", 904, head=(2, 0)),
    "0.9, param": graph("param", 900, head=(2, 0)),
    "0.8, param, no version": graph("param", None, head=(2, 0)),
    "0.8, no weight": graph("param", None, declared=False),
    "0.8, multipliers": graph("param", None, node_attributes={"weight_lr_mult": "2", "ctx_group": "dev1"}),
    "0.9, own attributes": graph("attr", 904, node_attributes={"__mood__": "good", "lr_mult": "3"}),
    "Python 2": graph("attr", 904, "(3L, 3L)"),
    "Python 2, 1.x": graph(
        "attrs", 10300, "(3L,3L)", node_attributes={"pad": "(1L, 1L)", "stride": "(1L, 1L)"}
    ),
    "list": graph(kernel="[3, 3]"),
    "spaces": graph(kernel="( 3 , 3 )"),
    "old operator": graph("param", None, op="Convolution_v1"),
    "hyphens": graph(weight="stage-1-conv-2_weight", name="stage-1-conv-2"),
    "hyphen before weight": graph(weight="c-1-weight", name="c-1"),
    "slashes": graph(weight="scope/c1/weight", name="scope/c1"),
    "ONNX": graph(weight="module.c1.weight", name="123"),
    "a letter": graph(weight="w"),
    "no separator": graph(weight="convweight"),
    "not ASCII": graph(weight="façade_weight", name="façade"),
    "shape": graph(weight_attributes={"__shape__": "(4, 3, 3, 3)"}),
    "shape of Python 2": graph(weight_attributes={"__shape__": "(4L, 3L, 3L, 3L)", "__lr_mult__": "2.0"}),
    "unknown shape": graph(weight_attributes={"__shape__": "(0L, 0L, 0L, 0L)"}),
    "no shape": graph(weight_attributes={"__shape__": "None", "__init__": '["normal", {"sigma": 0.1}]'}),
}


@pytest.fixture(params=GRAPHS.values(), ids=GRAPHS.keys())
def files(request, tmp_path):
    """The folder of the two files of an exported network, and the name of its kernel."""
    (name,) = set(mx.sym.load_json(json.dumps(request.param, ensure_ascii=False)).list_arguments()) - {"data"}
    weight = mx.nd.random.normal(shape=(4, 3, 3, 3))
    (tmp_path / "old-symbol.json").write_text(json.dumps(request.param, ensure_ascii=False), encoding="utf-8")
    mx.nd.save(str(tmp_path / "old-0000.params"), {f"arg:{name}": weight})
    return tmp_path, name


def perturb(block, weight):
    """Move the D of the one kernel away from the identity."""
    (d,) = (parameter for name, parameter in block.collect_params().items() if name != weight)
    d.set_data(mx.nd.random.normal(0, 0.1, d.shape))
    return d


def read(prefix):
    return SymbolBlock.imports(f"{prefix}-symbol.json", ["data"], f"{prefix}-0000.params")


def test_there_computed_and_back(files):
    folder, name = files
    stock = read(folder / "old")
    block = read(folder / "old")
    report = doconv.over_parameterize(block)
    assert len(report.changed) == 1 and not report.skipped
    np.testing.assert_array_equal(block(X).asnumpy(), stock(X).asnumpy())

    d = perturb(block, name)
    trained = block(X).asnumpy()
    weight = block.collect_params()[name]
    arrays = [parameter.data().asnumpy().astype("float64") for parameter in (weight, d)]
    composed = kernel.compose(*arrays, (3, 3))
    options = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4, "no_bias": True}
    expected = mx.nd.Convolution(X.astype("float64"), mx.nd.array(composed, dtype="float64"), **options)
    np.testing.assert_allclose(trained, expected.asnumpy(), rtol=1e-4, atol=1e-4)

    doconv.fold(block)
    np.testing.assert_array_equal(block(X).asnumpy(), trained)
    assert nodes(block._cached_graph[1]) == nodes(stock._cached_graph[1])


@pytest.mark.slow
def test_exported_and_folded_without_its_code(files):
    folder, name = files
    block = read(folder / "old")
    doconv.over_parameterize(block)
    perturb(block, name)
    expected = block(X).asnumpy()
    block.hybridize()
    block(X)
    block.export(str(folder / "doconv"))
    assert doconv.inspect(folder / "doconv-0000.params").kind == "DO-Conv"
    doconv.fold_symbol(str(folder / "doconv"), 0, str(folder / "folded"))
    np.testing.assert_array_equal(read(folder / "folded")(X).asnumpy(), expected)
    assert list(mx.nd.load(str(folder / "folded-0000.params"))) == [f"arg:{name}"]


@pytest.mark.parametrize(
    ("text", "size"),
    [("(5,)", (5,)), ("5", (5,)), ("(5L,)", (5,)), ("(1, 2, 3)", (1, 2, 3)), ("[1L, 7L]", (1, 7))],
)
def test_kernels_of_any_number_of_axes(text, size):
    """MXNet's own inference says what it has read."""
    given = graph("attrs", kernel=text, node_attributes={"pad": str((0,) * len(size))})
    symbol = mx.sym.load_json(json.dumps(given))
    shapes, _, _ = symbol.infer_shape(data=(1, 2) + (9,) * len(size))
    (found,) = Graph(symbol).convolutions()
    assert found.kernel_size == size == shapes[1][2:]

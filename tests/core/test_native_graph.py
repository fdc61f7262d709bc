"""What runs composes natively, and what is shown, saved and exported does not."""

import json

import gluon_doconv as doconv
from gluon_doconv.core import native_running
from gluon_doconv.core.native_graph import composed_natively
from gluon_doconv.native.operator import NAME, in_force, operator

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import SymbolBlock, nn
from symbols import batches, bound, moved, predictions, small_symbol

pytestmark = pytest.mark.skipif(operator() is None, reason=in_force())
X = mx.nd.random.normal(shape=(2, 4, 10, 10))
KNOWN = pytest.mark.parametrize("known", [False, True], ids=["unknown C_in", "known C_in"])


def network(known=True):
    """One with every D away from the identity."""
    net = nn.HybridSequential()
    net.add(doconv.DOConv2D(8, 3, activation="relu", in_channels=4 if known else 0))
    net.add(doconv.DOConv2D(8, 3, groups=4, d_mul=12, in_channels=8 if known else 0), nn.Conv2D(4, 1))
    mx.random.seed(0)
    net.initialize(mx.init.Xavier())
    return net


def run(net):
    net(X)
    for layer in net[:2]:
        layer.D.set_data(mx.nd.random.normal(0, 0.2, shape=layer.D.shape))
    return net


def operators(symbol):
    return [node["op"] for node in json.loads(symbol.tojson())["nodes"]]


@KNOWN
def test_every_kernel_is_one_node_of_what_runs(known):
    net = network(known)
    net.hybridize()
    shown = run(net)._cached_graph[1]
    assert isinstance(net._cached_op, native_running.NativeCachedOp)
    graph = composed_natively(shown, adding=False)
    native = operators(graph)
    assert native.count(NAME) == 2 and not {"_linalg_gemm2", "transpose", "_copy"} & {*native}
    first, second = (node for node in json.loads(graph.tojson())["nodes"] if node["op"] == NAME)
    assert (
        native[first["inputs"][2][0]] == "_zeros" and native[second["inputs"][2][0]] == NAME
    )  # they take turns
    adding = operators(composed_natively(shown, adding=True))
    assert (adding.count(NAME), adding.count("_copy")) == (2, 4)


@KNOWN
def test_what_leaves_is_in_mxnets_operators(known, tmp_path):
    net = network(known)
    net.hybridize()
    run(net).export(str(tmp_path / "net"))
    module = bound(doconv.over_parameterize_symbol(small_symbol())[0])
    module.save_checkpoint(str(tmp_path / "module"), 1)
    saved = [mx.sym.load(str(path)) for path in tmp_path.glob("*-symbol.json")]
    executor = module._exec_group.execs[0]
    assert isinstance(executor, native_running.NativeExecutor)
    shown = [net(mx.sym.var("data")), net._cached_graph[1], module.symbol, executor._symbol, *saved]
    assert len(shown) == 6
    stock = {*mx.operator.get_all_registered_operators(), "null"} - {NAME}
    for symbol in shown:
        assert "_linalg_gemm2" in operators(symbol) and {*operators(symbol)} <= stock


def test_what_is_not_known_to_compose_a_kernel_is_left_alone():
    data, weight, d = (mx.sym.var(name) for name in ("data", "conv_weight", "conv_D"))
    other = mx.sym.reshape(mx.sym.broadcast_mul(mx.sym.sum(d), weight), shape=(8, 4, 3, 3))
    symbol = mx.sym.Convolution(data, other, num_filter=8, kernel=(3, 3), no_bias=True, name="conv")
    assert composed_natively(symbol, adding=False) is None


def gradients(requests, native, monkeypatch, hybridize):
    """What three backward passes leave, where W and D ask for gradients in these ways."""
    monkeypatch.setenv("GLUON_DOCONV_NATIVE", str(int(native)))
    net = run(network())
    if hybridize is not None:
        net.hybridize(**hybridize)
    for layer in net[:2]:
        layer.weight.grad_req, layer.D.grad_req = requests
    for _ in range(3):
        with mx.autograd.record():
            y = net(X)
        y.backward()
    asked = [p for layer in net[:2] for p in (layer.weight, layer.D) if p.grad_req != "null"]
    return [y.asnumpy(), *(parameter.grad().asnumpy() for parameter in asked)]


@pytest.mark.parametrize("hybridize", [None, {}, {"static_alloc": True, "static_shape": True}], ids=str)
@pytest.mark.parametrize(
    "requests",
    [("write", "write"), ("add", "add"), ("add", "null"), ("write", "add"), ("null", "write"), ("null", "add")],
    ids=" ".join,
)
def test_gradients_are_written_added_and_left_out_as_by_mxnets_operators(requests, hybridize, monkeypatch):
    both = [gradients(requests, native, monkeypatch, hybridize) for native in (True, False)]
    for found, expected in zip(*both):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_module_takes_batches_of_another_size_and_adds_gradients(monkeypatch):
    symbol = doconv.over_parameterize_symbol(small_symbol())[0]
    found = []
    for native in (True, False):
        monkeypatch.setenv("GLUON_DOCONV_NATIVE", str(int(native)))
        arg_params, aux_params = bound(symbol).get_params()
        mx.random.seed(1)
        module = mx.mod.Module(symbol)
        module.bind([("data", (4, 3, 8, 8))], [("softmax_label", (4,))], grad_req="add")
        module.set_params(moved(arg_params), aux_params)
        for size in (4, 2):
            images = mx.nd.array(batches().data[0][1].asnumpy()[:size])
            module.forward_backward(mx.io.DataBatch([images], [mx.nd.zeros(size)]))
        executor = module._exec_group.execs[0]
        assert isinstance(executor, native_running.NativeExecutor) == native
        found.append([predictions(module), executor.grad_dict["conv-0_D"].asnumpy()])
    for native, stock in zip(*found):
        np.testing.assert_allclose(native, stock, rtol=0, atol=1e-5 * np.abs(stock).max())


def test_graphs_for_a_gpu_and_those_that_are_watched_are_mxnets():
    made = []
    watched = mx.nd.CachedOp(mx.sym.var("x") * 2)
    op = native_running.NativeCachedOp(watched, made.append, [])
    assert op._for(mx.gpu()) is watched and not made
    assert op._for(mx.cpu(1)) is None and made == [False]
    seen = []
    op._register_op_hook(lambda *arguments: seen.append(arguments), False)
    op(mx.nd.ones(1)).wait_to_read()
    assert seen
    symbol = network()(mx.sym.var("data"))
    assert native_running.native_symbol(symbol, [mx.gpu()], "write") is None


def test_an_imported_graph_composes_natively_too(tmp_path):
    net = network()
    net.hybridize()
    run(net).export(str(tmp_path / "net"))
    files = [str(tmp_path / name) for name in ("net-symbol.json", "net-0000.params")]
    imported = SymbolBlock.imports(files[0], ["data"], files[1])
    np.testing.assert_array_equal(imported(X).asnumpy(), net(X).asnumpy())
    assert isinstance(imported._cached_op, native_running.NativeCachedOp)


def test_an_executor_is_told_what_mxnet_takes_for_granted():
    """Single precision, if nothing else is said; and names that are no arguments are passed over."""
    x = mx.sym.Dropout(mx.sym.var("data"))  # which has to know the dtype of its input
    symbol = doconv.over_parameterize_symbol(mx.sym.Convolution(x, num_filter=4, kernel=(3, 3), name="c"))[0]
    for dtype in (None, "float64"):
        types = dtype and {"data": dtype}
        executor = symbol.simple_bind(mx.cpu(), type_dict=types, data=(2, 3, 8, 8), unused=(3,))
        assert isinstance(executor, native_running.NativeExecutor)
        assert executor.arg_dict["c_D"].dtype == executor.forward()[0].dtype == np.dtype(dtype or "float32")
    with pytest.raises(doconv.DOConvError, match="do not tell those of all"), pytest.warns(UserWarning):
        symbol.simple_bind(mx.cpu(), unused=(3,))

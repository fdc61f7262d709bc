"""Multiply-accumulates of a graph, against loops that count, and what is said where there is no count."""

from collections import Counter
from itertools import product

import gluon_doconv as doconv
from gluon_doconv.costing import counting
from gluon_doconv.costing.counting import HANDLERS, count
from gluon_doconv.costing.without_macc import WITHOUT_MACC

import mxnet as mx
import numpy as np
import pytest


class Counted:
    """A number that counts its multiplications."""

    multiplied = 0

    def __mul__(self, other):
        Counted.multiplied += 1
        return self

    def __add__(self, other):
        return self

    __radd__ = __add__


def products(function, *shapes):
    """How often numbers are multiplied when NumPy itself runs ``function`` on arrays of these shapes."""
    arrays = [np.full(shape, Counted(), dtype=object) for shape in shapes]
    Counted.multiplied = 0
    function(*arrays)
    return Counted.multiplied


def maccs(symbol, **shapes):
    return [operation.maccs for operation in count(symbol, **shapes)]


A, B = mx.sym.var("a"), mx.sym.var("b")


@pytest.mark.parametrize(
    "symbol, left, right, function",
    [
        (mx.sym.dot(A, B), (2, 3), (3, 4), np.dot),
        (mx.sym.dot(A, B, transpose_a=True), (3, 2), (3, 4), lambda a, b: np.dot(a.T, b)),
        (mx.sym.dot(A, B, transpose_b=True), (2, 3), (4, 3), lambda a, b: np.dot(a, b.T)),
        (mx.sym.batch_dot(A, B), (5, 2, 3), (5, 3, 4), np.matmul),
        (
            mx.sym.batch_dot(A, B, transpose_a=True, transpose_b=True),
            (5, 3, 2),
            (5, 4, 3),
            lambda a, b: np.matmul(a.swapaxes(1, 2), b.swapaxes(1, 2)),
        ),
        (mx.sym.linalg.gemm2(A, B), (5, 2, 3), (5, 3, 4), np.matmul),
        (
            mx.sym.linalg.gemm2(A, B, transpose_a=True),
            (5, 3, 2),
            (5, 3, 4),
            lambda a, b: np.matmul(a.swapaxes(1, 2), b),
        ),
        (
            mx.sym.linalg.gemm2(A, B, transpose_a=True, axis=0),
            (3, 5, 2),
            (3, 5, 4),
            lambda a, b: np.matmul(a.transpose(1, 2, 0), b.transpose(1, 0, 2)),
        ),
        (
            mx.sym.FullyConnected(A, B, num_hidden=4, no_bias=True),
            (2, 3, 5),
            (4, 15),
            lambda a, b: np.dot(a.reshape(2, 15), b.T),
        ),
    ],
)
def test_matrix_products(symbol, left, right, function):
    assert maccs(symbol, a=left, b=right) == [products(function, left, right)]


def convolution_products(data, channels, kernel, stride, pad, groups):
    """Counted one by one; what is multiplied with the padding is counted too, as it is in the formulas."""
    batch, in_channels, height, width = data
    rows = range(0, height + 2 * pad - kernel + 1, stride)
    columns = range(0, width + 2 * pad - kernel + 1, stride)
    terms = product(
        range(batch), rows, columns, range(channels), range(in_channels // groups), range(kernel), range(kernel)
    )
    return sum(1 for _ in terms)


@pytest.mark.parametrize(
    "kernel, stride, pad, groups", [(3, 1, 1, 1), (3, 2, 0, 2), (1, 1, 0, 1), (2, 2, 1, 4)]
)
def test_convolutions(kernel, stride, pad, groups):
    shape = (2, 4, 6, 5)
    symbol = mx.sym.Convolution(
        mx.sym.var("x"),
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(pad, pad),
        num_filter=8,
        num_group=groups,
    )
    assert maccs(symbol, x=shape) == [convolution_products(shape, 8, kernel, stride, pad, groups)]


def test_a_transposed_convolution_is_the_adjoint_of_one():
    """It multiplies what the convolution multiplies that takes its output to its input."""
    symbol = mx.sym.Deconvolution(mx.sym.var("x"), kernel=(3, 3), stride=(2, 2), num_filter=6, num_group=2)
    (operation,) = count(symbol, x=(2, 4, 5, 5))
    assert operation.output == (2, 6, 11, 11)
    assert operation.maccs == convolution_products((2, 6, 11, 11), 4, 3, 2, 0, 2)


def test_an_operator_nobody_knows_is_named_and_never_zero():
    symbol = mx.sym.contrib.BilinearResize2D(mx.sym.relu(mx.sym.var("x")), height=4, width=4, name="resize")
    operations = {operation.node: operation for operation in count(symbol, x=(1, 1, 2, 2))}
    assert operations["resize"].maccs is None
    assert operations["resize"].op == "_contrib_BilinearResize2D"
    assert [o.maccs for o in operations.values()] == [0, None]


def test_upsampling_counts_only_if_it_multiplies_nothing():
    x, weight = mx.sym.var("x"), mx.sym.var("w")
    assert maccs(mx.sym.UpSampling(x, scale=2, sample_type="nearest", num_args=1), x=(1, 1, 2, 2)) == [0]
    bilinear = mx.sym.UpSampling(x, weight, scale=2, sample_type="bilinear", num_filter=1, num_args=2)
    assert maccs(bilinear, x=(1, 1, 2, 2)) == [None]


@pytest.fixture
def handlers(monkeypatch):
    """Handlers that may be added to; afterwards they are as they were."""
    monkeypatch.setattr(counting, "HANDLERS", dict(HANDLERS))


def test_a_handler_of_ones_own_is_asked(handlers):
    """Khatri and Rao's product multiplies column by column: NumPy's multiplications against the handler's."""

    def khatri_rao(a, b):
        return np.stack([np.outer(x, y).ravel() for x, y in zip(a.T, b.T)], axis=1)

    symbol = mx.sym.khatri_rao(A, B)
    assert maccs(symbol, a=(3, 4), b=(5, 4)) == [None]
    seen = []
    doconv.register_macc("khatri_rao", lambda *given: seen.append(given) or given[2][0] * given[2][1])
    assert maccs(symbol, a=(3, 4), b=(5, 4)) == [products(khatri_rao, (3, 4), (5, 4))]
    ((attributes, inputs, output),) = seen
    assert attributes == {"num_args": "2"}
    assert [tuple(shape) for shape in inputs] == [(3, 4), (5, 4)] and tuple(output) == (15, 4)


def test_a_handler_may_say_that_there_is_none_or_no_count(handlers):
    symbol = mx.sym.khatri_rao(A, B)
    doconv.register_macc("khatri_rao", lambda *_: 0)
    assert maccs(symbol, a=(3, 4), b=(5, 4)) == [0]
    doconv.register_macc("khatri_rao", lambda *_: None)
    assert maccs(symbol, a=(3, 4), b=(5, 4)) == [None]


def test_a_handler_goes_before_what_the_package_says(handlers):
    doconv.register_macc("relu", lambda attributes, inputs, output: 7)
    doconv.register_macc("dot", lambda attributes, inputs, output: 8)
    symbol = mx.sym.relu(mx.sym.dot(A, B))
    assert maccs(symbol, a=(2, 3), b=(3, 4)) == [8, 7]


class Doubled(mx.operator.CustomOpProp):
    def infer_shape(self, in_shape):
        return in_shape, in_shape, []


def test_an_operator_written_in_python_goes_by_its_own_name(handlers):
    mx.operator.register("doubled_in_test")(Doubled)
    symbol = mx.sym.Custom(A, op_type="doubled_in_test")
    (before,) = count(symbol, a=(2, 3))
    assert (before.op, before.maccs) == ("doubled_in_test", None)
    doconv.register_macc("doubled_in_test", lambda attributes, inputs, output: output[0])
    assert maccs(symbol, a=(2, 3)) == [2]


def test_the_tables_name_operators_that_exist_and_do_not_overlap():
    known = set(mx.operator.get_all_registered_operators())
    assert known >= WITHOUT_MACC and set(HANDLERS) <= known
    assert not WITHOUT_MACC & set(HANDLERS)


def test_two_nodes_of_one_name_have_their_own_shapes():
    layer = mx.gluon.nn.Conv2D(3, 3, padding=1, in_channels=3)
    pool = mx.gluon.nn.MaxPool2D()
    operations = count(layer(pool(layer(mx.sym.var("data")))), data=(1, 3, 8, 8))
    assert [o.maccs for o in operations] == [81 * 64, 0, 81 * 16]


def test_outputs_of_one_node_are_told_apart():
    halves = mx.sym.SliceChannel(mx.sym.var("x"), num_outputs=2, axis=1)
    symbol = mx.sym.batch_dot(halves[1], halves[0], transpose_a=True)
    assert maccs(symbol, x=(2, 6, 4)) == [0, 2 * 4 * 4 * 3]


def test_shapes_that_stay_unknown_are_an_error():
    with pytest.raises(doconv.DOConvError, match="cannot be counted: its shapes are not known"):
        count(mx.sym.batch_dot(A, B), a=(1, 2, 3))
    with pytest.raises(doconv.DOConvError, match="does not fit"):
        count(mx.sym.dot(A, B), a=(2, 3), b=(4, 5))


@pytest.mark.parametrize("composition", ["kernel", "feature"])
def test_the_operators_counted_are_those_that_run(composition):
    """MXNet itself reports every operator that a hybridized network runs."""
    net = mx.gluon.nn.HybridSequential()
    net.add(
        doconv.DOConv2D(4, 3, in_channels=3, composition=composition),
        mx.gluon.nn.BatchNorm(),
        mx.gluon.nn.Dense(2),
    )
    net.initialize()
    x = mx.nd.ones((1, 3, 6, 6))
    net.hybridize()
    net(x)
    ran = []
    net.register_op_hook(lambda node, op, _: ran.append(op.decode()))
    net(x)
    mx.nd.waitall()
    known = {name: p.shape for name, p in net.collect_params().items()}
    counted = count(net._cached_graph[1], data=x.shape, **known)
    assert Counter(operation.op for operation in counted) == Counter(ran)
    assert ran.count("Convolution") == (1 if composition == "kernel" else 2)

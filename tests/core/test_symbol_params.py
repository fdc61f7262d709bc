"""What Modules are told of parameters by name: each D goes with its weight."""

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.symbol_params import with_missing_ds

import mxnet as mx
import numpy as np
import pytest
from symbols import small_symbol


@pytest.fixture(scope="module")
def symbol():
    return doconv.over_parameterize_symbol(small_symbol(), exclude="grouped", d_mul=12)[0]


def test_names_are_followed_by_their_d(symbol):
    given = ["conv-0_weight", "grouped_weight", "dense_weight", "bn_gamma", "nowhere_weight"]
    expected = ["conv-0_weight", "conv-0_D", "grouped_weight", "dense_weight", "bn_gamma", "nowhere_weight"]
    assert doconv.with_ds(given, symbol) == expected
    assert doconv.with_ds(tuple(given), symbol) == expected
    assert doconv.with_ds(expected, symbol) == expected
    assert doconv.with_ds(given, small_symbol()) == given


def test_a_multiplier_of_a_weight_is_that_of_its_d_unless_d_has_one(symbol):
    assert doconv.with_ds({"shared_weight": 0.1, "bn_beta": 2}, symbol) == {
        "shared_weight": 0.1,
        "shared_D": 0.1,
        "bn_beta": 2,
    }
    both = {"shared_D": 0.0, "shared_weight": 0.1}
    assert doconv.with_ds(both, symbol) == both


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_plain_arrays_are_completed_to_what_computes_the_same(symbol, dtype):
    weights = {
        "conv-0_weight": mx.nd.random.normal(shape=(8, 3, 3, 3)).astype(dtype),
        "grouped_weight": mx.nd.ones((8, 2, 1, 3)),
        "bn_gamma": mx.nd.ones(8),
    }
    given = dict(weights)
    completed = with_missing_ds(symbol, given)
    assert set(completed) == {*weights, "conv-0_D"}
    assert given == weights
    d, weight = completed["conv-0_D"], completed["conv-0_weight"]
    assert (d.shape, weight.shape) == ((1, 3, 3, 12, 3), (8, 3, 12))
    assert d.dtype == weight.dtype == np.dtype(dtype)
    folded = kernel.compose(weight.asnumpy(), d.asnumpy(), (3, 3))
    assert np.array_equal(folded, weights["conv-0_weight"].asnumpy())
    assert with_missing_ds(symbol, completed) == completed


def test_the_parameters_given_to_a_conversion_come_back_with_their_ds():
    weights = {"conv-0_weight": mx.nd.ones((8, 3, 3, 3)), "bn_gamma": mx.nd.ones(8)}
    _, arg_params, report = doconv.over_parameterize_symbol(small_symbol(), weights, d_initializer="he")
    assert set(arg_params) == {
        *weights,
        "conv-0_D",
    }  # the others have no values yet, and a Module gives them some
    assert report.changed == ["conv-0", "grouped", "shared"]
    assert arg_params["conv-0_weight"] is weights["conv-0_weight"]
    assert abs((arg_params["conv-0_D"].asnumpy() + np.eye(9)[:, :, None]).std() - np.sqrt(2 / 9)) < 0.06

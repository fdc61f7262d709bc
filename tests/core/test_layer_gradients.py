"""Gradients of the layers in float64, against the oracle's adjoint and against finite differences."""

import mxnet as mx
import numpy as np
import oracle
import pytest
from cases import array, cases, running, set_values
from hypothesis import given, settings
from hypothesis import strategies as st


def gradients_of_the_layer(case, arrays, head):
    """d sum(head · layer(x)) by autograd, by the names of the arrays."""
    layer = case.layer()
    layer.initialize()
    net = running(layer, case.way)
    x = array(arrays["x"])
    net(x)
    set_values(layer, arrays)
    x.attach_grad()
    with mx.autograd.record():
        y = net(x)
    y.backward(array(head))
    found = {name: getattr(layer, name).grad().asnumpy() for name in arrays if name != "x"}
    return {"x": x.grad.asnumpy(), **found}


@pytest.mark.usefixtures("each_composition")
@settings(max_examples=100)
@given(cases())
def test_gradients_are_the_adjoint(case):
    arrays = case.arrays()
    head = np.random.default_rng(case.seed + 1).normal(size=oracle.forward(arrays, case).shape)
    found = gradients_of_the_layer(case, arrays, head)
    expected = oracle.gradients(arrays, head, case)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=150)
@given(st.sampled_from((None, "sigmoid", "tanh")).flatmap(lambda smooth: cases(activation=smooth)))
def test_gradients_are_finite_differences_of_the_definition(case):
    arrays = case.arrays()
    random = np.random.default_rng(case.seed + 1)
    head = random.normal(size=oracle.forward(arrays, case).shape)
    found = gradients_of_the_layer(case, arrays, head)

    def loss_moved(name, step):
        moved = oracle.forward({**arrays, name: arrays[name] + step}, case)
        return np.sum(head * moved)

    for name, value in arrays.items():
        direction = random.normal(size=value.shape)
        direction /= np.linalg.norm(direction)
        step = 1e-5 * direction
        slope = (loss_moved(name, step) - loss_moved(name, -step)) / 2e-5
        np.testing.assert_allclose(np.sum(found[name] * direction), slope, rtol=1e-5, atol=1e-6, err_msg=name)

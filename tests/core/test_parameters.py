"""What a Trainer does with D: before, while and after a layer is over-parameterized."""

import gluon_doconv as doconv
from gluon_doconv.core.layers import fold_layer, folded_kernel, over_parameterize_layer

import mxnet as mx
import numpy as np
import pytest
from cases import assert_same_bits
from mxnet.gluon import Trainer, nn

RATE = 0.125
ONE_DEVICE, TWO_DEVICES = [mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]  # with two, the weights live in a kvstore too


def plain_layer(contexts=None):
    layer = nn.Conv2D(4, 3, in_channels=2)
    layer.initialize(ctx=contexts)
    return layer


def trainer_of(layer, **settings):
    return Trainer(layer.collect_params(), "sgd", {"learning_rate": RATE, **settings})


def step(layer, trainer):
    """One step of SGD; returns the gradients, summed over the devices, by the names of the parameters."""
    with mx.autograd.record():
        losses = [
            (layer(mx.nd.random.normal(shape=(2, 2, 6, 6), ctx=ctx)) ** 2).mean()
            for ctx in layer.weight.list_ctx()
        ]
    mx.autograd.backward(losses)
    trained = {name: p for name, p in layer._reg_params.items() if p is not None}
    gradients = {name: sum(g.asnumpy() for g in p.list_grad()) for name, p in trained.items()}
    trainer.step(1)
    return gradients


def values(layer):
    return {name: p.list_data()[0].asnumpy() for name, p in layer._reg_params.items() if p is not None}


def assert_step_of_sgd(layer, trainer):
    """Every parameter moves against its gradient, and alike on all devices."""
    before = values(layer)
    gradients = step(layer, trainer)
    for name, value in values(layer).items():
        assert np.abs(gradients[name]).max() > 0
        np.testing.assert_allclose(
            value, before[name] - RATE * gradients[name], rtol=1e-4, atol=1e-6, err_msg=name
        )
        for copy in layer._reg_params[name].list_data():
            np.testing.assert_array_equal(copy.asnumpy(), value)


@pytest.mark.parametrize("contexts", [ONE_DEVICE, TWO_DEVICES])
@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("steps_before", [0, 1])
def test_a_trainer_takes_up_the_d_of_a_layer_converted_under_it(contexts, d_mul, steps_before):
    layer = plain_layer(contexts)
    trainer = trainer_of(layer)
    for _ in range(steps_before):
        step(layer, trainer)
    over_parameterize_layer(layer, doconv.Options(d_mul=d_mul))
    assert layer.D.list_ctx() == contexts
    for _ in range(2):
        assert_step_of_sgd(layer, trainer)
    assert layer.D.list_data()[0].abs().max().asscalar() > 0


@pytest.mark.parametrize("contexts", [ONE_DEVICE, TWO_DEVICES])
@pytest.mark.parametrize("d_mul", [None, 12])
def test_a_trainer_goes_on_from_the_folded_kernel_and_leaves_d_alone(contexts, d_mul):
    layer = doconv.DOConv2D(4, 3, in_channels=2, d_mul=d_mul)
    layer.initialize(ctx=contexts)
    trainer = trainer_of(layer, wd=0.0)
    step(layer, trainer)
    d, folded = layer.D, folded_kernel(layer)
    fold_layer(layer, folded)
    trained = d.list_data()[0].asnumpy()
    assert trained.any()
    assert_same_bits(layer.weight.list_data()[0], folded)
    for _ in range(2):
        assert_step_of_sgd(layer, trainer)
    assert_same_bits(d.list_data()[0], trained)


@pytest.mark.parametrize("contexts", [ONE_DEVICE, TWO_DEVICES])
def test_a_trainer_takes_up_the_new_d_of_a_layer_converted_again(contexts):
    layer = plain_layer(contexts)
    trainer = trainer_of(layer)
    for _ in range(2):
        over_parameterize_layer(layer, doconv.Options())
        assert_step_of_sgd(layer, trainer)
        fold_layer(layer, folded_kernel(layer))
        assert_step_of_sgd(layer, trainer)


@pytest.mark.parametrize("contexts", [ONE_DEVICE, TWO_DEVICES])
def test_momentum_survives_a_weight_that_changes_its_shape(contexts):
    layer = plain_layer(contexts)
    trainer = trainer_of(layer, momentum=0.9)
    step(layer, trainer)
    over_parameterize_layer(layer, doconv.Options(d_mul=12))
    step(layer, trainer)
    fold_layer(layer, folded_kernel(layer))
    step(layer, trainer)
    assert layer.weight.list_data()[0].shape == (4, 2, 3, 3)


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("d_wd_mult, kept", [(1, 1 - RATE * 0.5), (0.5, 1 - RATE * 0.25), (0, 1)])
def test_weight_decay_pulls_d_to_the_identity(late, d_wd_mult, kept):
    if late:
        layer = plain_layer()
        trainer = trainer_of(layer, wd=0.5)
        over_parameterize_layer(layer, doconv.Options(d_wd_mult=d_wd_mult))
    else:
        layer = doconv.DOConv2D(4, 3, in_channels=2, d_wd_mult=d_wd_mult)
        layer.initialize()
        trainer = trainer_of(layer, wd=0.5)
    layer.D.set_data(mx.nd.random.normal(shape=layer.D.shape))
    with mx.autograd.record():
        loss = (0 * layer(mx.nd.ones((1, 2, 5, 5)))).sum()
    loss.backward()
    before = values(layer)
    trainer.step(1)
    after = values(layer)
    np.testing.assert_allclose(after["D"], kept * before["D"], rtol=1e-6)
    np.testing.assert_allclose(after["weight"], (1 - RATE * 0.5) * before["weight"], rtol=1e-6)


def test_d_of_a_frozen_layer_is_frozen():
    layer = plain_layer()
    layer.collect_params().setattr("grad_req", "null")
    over_parameterize_layer(layer, doconv.Options())
    assert layer.D.grad_req == "null"


def test_d_learns_at_the_pace_of_its_weight():
    layer = plain_layer()
    layer.weight.lr_mult = 0.0
    trainer = trainer_of(layer)
    over_parameterize_layer(layer, doconv.Options())
    kept = layer.D.data().asnumpy()
    step(layer, trainer)
    assert_same_bits(layer.D.data(), kept)

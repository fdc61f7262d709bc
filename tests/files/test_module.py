"""A symbol trained by ``Module.fit`` with its D: at the identity, in training, in checkpoints, and folded."""

import gluon_doconv as doconv
from gluon_doconv.core import kernel

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import SymbolBlock
from mxnet.util import np_shape
from networks import same_bits
from symbols import SPATIAL, batches, bound, moved, predictions, same_parameters, small_symbol

SGD = {"learning_rate": 0.1, "momentum": 0.9, "wd": 1e-3}
SIZES = dict(zip(SPATIAL, [(3, 3), (1, 3), (3, 3)]))


def doconv_module(**config):
    """One with every D away from the identity."""
    symbol = doconv.over_parameterize_symbol(small_symbol(), **config)[0]
    arg_params, aux_params = bound(symbol).get_params()
    return bound(symbol, moved(arg_params), aux_params)


def fit(module, epochs=2, **options):
    np.random.seed(0)
    module.fit(
        batches(),
        num_epoch=epochs,
        optimizer="sgd",
        optimizer_params=SGD,
        initializer=mx.init.Xavier(),
        **options,
    )
    return module


@pytest.fixture(params=[False, True], ids=["classic-shapes", "numpy-shapes"])
def shape_semantics(request):
    with np_shape(request.param):
        yield


@pytest.mark.parametrize("d_mul", [None, 12])
def test_at_the_identity_it_predicts_bitwise_what_the_stock_symbol_predicts(d_mul, shape_semantics):
    stock = bound(small_symbol())
    arg_params, aux_params = stock.get_params()
    symbol, completed, _ = doconv.over_parameterize_symbol(small_symbol(), arg_params, d_mul=d_mul)
    assert len(completed) == len(arg_params) + 3
    module = bound(symbol, completed, aux_params)
    assert same_bits([predictions(module)], [predictions(stock)])
    batch = next(batches())
    for each in (module, stock):
        each.forward(batch, is_train=True)
    assert same_bits(*([y.asnumpy() for y in each.get_outputs()] for each in (module, stock)))


def test_freshly_initialized_it_is_the_stock_module():
    stock, module = bound(small_symbol()), bound(doconv.over_parameterize_symbol(small_symbol())[0])
    assert same_bits([predictions(module)], [predictions(stock)])


def gradients(module):
    module.forward_backward(next(batches()))
    names = module._exec_group.param_names
    return {name: arrays[0].asnumpy() for name, arrays in zip(names, module._exec_group.grad_arrays)}


@pytest.mark.parametrize("d_mul", [None, 12])
def test_gradients_and_a_step_are_those_of_the_paper(d_mul):
    """Against the stock symbol with the kernel W′ composed in NumPy, whose gradient goes back to W and D."""
    module = doconv_module(d_mul=d_mul)
    arg_params, aux_params = module.get_params()
    values = {name: array.asnumpy().astype(np.float64) for name, array in arg_params.items()}
    stock_params = {name: array for name, array in arg_params.items() if not name.endswith("_D")}
    for weight, size in SIZES.items():
        composed = kernel.compose(values[weight], values[weight[:-6] + "D"], size)
        stock_params[weight] = mx.nd.array(composed)
    stock = gradients(bound(small_symbol(), stock_params, aux_params))
    mine = gradients(module)
    module.init_optimizer(optimizer_params={"learning_rate": 0.5, "wd": 0.1})
    module.update()
    for weight, size in SIZES.items():
        d = weight[:-6] + "D"
        for_weight, for_d = back(stock[weight].astype(np.float64), values[weight], values[d], size)
        np.testing.assert_allclose(mine[weight], for_weight, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(mine[d], for_d, rtol=1e-3, atol=1e-5)
        stepped = values[d] - 0.5 * (for_d / 4 + 0.1 * values[d])  # a batch of 4
        np.testing.assert_allclose(module.get_params()[0][d].asnumpy(), stepped, rtol=1e-3, atol=1e-5)


def back(of_kernel, weight, d, size):
    """From dL/dW′ to dL/dW and dL/dD, where W′[o, i, m] = Σ_s (D + I)[m, s, c] · W[o, i, s]."""
    flat = d.reshape(-1, *d.shape[-2:])
    area, d_mul, in_channels = flat.shape
    channels, per_group = weight.shape[:2]
    groups = in_channels // per_group
    total = (flat + kernel.identity(area, d_mul)[:, :, None]).reshape(area, d_mul, groups, per_group)
    w = weight.reshape(groups, channels // groups, per_group, d_mul)
    g = of_kernel.reshape(groups, channels // groups, per_group, area)
    for_weight = np.einsum("msgi,goim->gois", total, g).reshape(weight.shape)
    return for_weight, np.einsum("gois,goim->msgi", w, g).reshape(d.shape)


def test_training_moves_every_d_and_a_checkpoint_is_resumed(tmp_path):
    symbol = doconv.over_parameterize_symbol(small_symbol())[0]
    straight = fit(mx.mod.Module(symbol), epochs=1)
    first = {name: array.copy() for name, array in straight.get_params()[0].items()}
    assert all(np.any(first[weight[:-6] + "D"].asnumpy()) for weight in SPATIAL)
    straight.save_checkpoint(str(tmp_path / "net"), 1, save_optimizer_states=True)
    fit(straight, epochs=2, begin_epoch=1)

    resumed = fit(mx.mod.Module.load(str(tmp_path / "net"), 1, load_optimizer_states=True), begin_epoch=1)
    assert same_parameters(resumed, straight)
    assert any(
        np.any(first[d].asnumpy() != straight.get_params()[0][d].asnumpy()) for d in first if d[-1] == "D"
    )


@pytest.mark.parametrize("d_mul", [None, 12])
def test_folded_it_is_the_stock_symbol_and_predicts_the_same_bits(d_mul):
    module = fit(doconv_module(d_mul=d_mul))
    arg_params, aux_params = module.get_params()
    symbol, folded, report = doconv.fold_symbol(module.symbol, arg_params)
    assert report.changed == ["conv-0", "grouped", "shared"]
    assert report.skipped == {"pointwise": "plain already"}
    assert symbol.list_arguments() == small_symbol().list_arguments()
    stock = bound(small_symbol(), folded, aux_params)  # which wants exactly these names and shapes
    assert same_bits([predictions(stock)], [predictions(module)])
    assert same_bits([predictions(bound(symbol, folded, aux_params))], [predictions(module)])


def test_fixed_weights_keep_their_d():
    symbol = doconv.over_parameterize_symbol(small_symbol())[0]
    fixed = doconv.with_ds(["conv-0_weight"], symbol)
    module = mx.mod.Module(symbol, fixed_param_names=fixed)
    arg_params = moved(bound(symbol).get_params()[0])
    fit(module, arg_params=arg_params, allow_missing=True)
    after = module.get_params()[0]
    moves = {name for name in after if np.any(after[name].asnumpy() != arg_params[name].asnumpy())}
    assert {"shared_D", "shared_weight", "grouped_D"} < moves
    assert not moves & {"conv-0_weight", "conv-0_D"}


def test_bound_for_inference_too():
    """MXNet fuses convolution and BatchNorm there, and rounds otherwise than in training."""
    module = doconv_module()
    arg_params, aux_params = module.get_params()
    plain, folded, _ = doconv.fold_symbol(module.symbol, arg_params)
    both = []
    for symbol, values in ((module.symbol, arg_params), (plain, folded)):
        inference = mx.mod.Module(symbol)
        inference.bind(batches().provide_data, for_training=False)
        inference.set_params(values, aux_params)
        both.append([predictions(inference)])
    assert same_bits(*both)


def test_other_readers_of_a_checkpoint(tmp_path):
    module = doconv_module()
    doconv_prefix, folded_prefix = str(tmp_path / "net"), str(tmp_path / "folded")
    module.save_checkpoint(doconv_prefix, 3)
    assert doconv.fold_symbol(doconv_prefix, 3, folded_prefix) == ["conv-0", "grouped", "shared"]
    images = mx.nd.array(batches().data[0][1].asnumpy())
    outputs = []
    for prefix in (doconv_prefix, folded_prefix):
        block = SymbolBlock.imports(f"{prefix}-symbol.json", ["data", "softmax_label"], f"{prefix}-0003.params")
        old = mx.model.FeedForward.load(prefix, 3).predict(batches())
        outputs.append([old, block(images, mx.nd.zeros(len(images))).asnumpy()])
    assert same_bits(*outputs)
    np.testing.assert_allclose(outputs[0][0], predictions(module), rtol=1e-5)


def feed_forward(symbol, learning_rate):
    mx.random.seed(0)
    model = mx.model.FeedForward(
        symbol, num_epoch=1, initializer=mx.init.Xavier(), learning_rate=learning_rate, wd=1e-3
    )
    model.fit(batches())
    return model


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_feed_forward_starts_d_by_its_own_rule_and_trains_it():
    symbol = doconv.over_parameterize_symbol(small_symbol())[0]
    starts = [feed_forward(each, learning_rate=0) for each in (small_symbol(), symbol)]
    assert same_bits(*([model.predict(batches())] for model in starts))
    ds = [feed_forward(symbol, 0.1).arg_params[weight[:-6] + "D"].asnumpy() for weight in SPATIAL]
    assert all(np.abs(d).max() > 0 for d in ds)
    he = doconv.over_parameterize_symbol(small_symbol(), d_initializer="he")[0]
    deviation = np.std(feed_forward(he, 0).arg_params["shared_D"].asnumpy() + np.eye(9)[:, :, None])
    assert abs(deviation / (2 / 9) ** 0.5 - 1) < 0.2


def test_a_fold_that_lacks_a_d_is_refused():
    module = doconv_module()
    arg_params = dict(module.get_params()[0])
    del arg_params["grouped_D"]
    with pytest.raises(doconv.DOConvError, match="no grouped_D"):
        doconv.fold_symbol(module.symbol, arg_params)


def test_folding_what_is_plain_changes_nothing():
    weights = {"conv-0_weight": mx.nd.ones((8, 3, 3, 3))}
    with pytest.warns(doconv.DOConvWarning, match="no D"):
        symbol, arg_params, report = doconv.fold_symbol(small_symbol(), weights)
    assert report.changed == []
    assert arg_params == weights
    assert symbol.list_arguments() == small_symbol().list_arguments()


@pytest.mark.parametrize(
    "symbol, arg_params, message",
    [
        (mx.gluon.nn.Conv2D(3, 3), None, "fold_symbol was given a Conv2D"),
        (small_symbol(), ({}, {}), "fold_symbol was given a tuple as arg_params"),
        (
            small_symbol(),
            {"arg:a": mx.nd.ones(1)},
            "such as 'arg:a', is an argument of the symbol, such as 'data'",
        ),
    ],
)
def test_only_symbols_and_their_values_are_folded(symbol, arg_params, message):
    with pytest.raises(doconv.DOConvError, match=message):
        doconv.fold_symbol(symbol, arg_params)

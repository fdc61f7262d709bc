"""Programs of the Module API under the patch: they speak of weights, and what they say holds for D too."""

import gluon_doconv as doconv
from gluon_doconv.core.config import DOConvConfig
from gluon_doconv.patching.converter import ConvertedNetwork, Converter
from gluon_doconv.patching.modules import convert_modules

import mxnet as mx
import numpy as np
import pytest
from networks import nodes, same_bits
from symbols import DATA, LABEL, batches, bound, moved, predictions, small_symbol

pytestmark = pytest.mark.filterwarnings("ignore:Parameters already initialized")  # of fit, after init_params

SGD = {"learning_rate": 0.1, "wd": 1e-3}
DS = ["conv-0_D", "grouped_D", "shared_D"]


@pytest.fixture
def converter():
    converter = Converter(DOConvConfig())
    undo = convert_modules(converter)
    yield converter
    undo()


@pytest.fixture
def stock():
    """A plain Module, of before the patch."""
    return bound(small_symbol())


@pytest.fixture
def trained(stock, converter):
    """What is told apart from its start in every D."""
    module = bound(small_symbol())
    arg_params, aux_params = module.get_params()
    return bound(module.symbol, moved(arg_params), aux_params)


def moved_names(module, before):
    after = module.get_params()[0]
    return {name for name in after if np.any(after[name].asnumpy() != before[name].asnumpy())}


def copies(arrays):
    return {name: array.copy() for name, array in arrays.items()}


def test_a_program_trains_every_d_from_the_stock_start(stock, converter):
    module = mx.mod.Module(small_symbol())
    module.bind([DATA], [LABEL])
    mx.random.seed(0)
    module.init_params(mx.init.Xavier())
    assert converter.built == [ConvertedNetwork("softmax_output", 3, 4)]
    assert same_bits([predictions(module)], [predictions(stock)])
    before = copies(module.get_params()[0])
    module.fit(batches(), num_epoch=1, optimizer_params=SGD)
    assert set(DS) < moved_names(module, before)


def with_init_params(module, arg_params, aux_params):
    module.init_params(mx.init.One(), arg_params, aux_params)


def with_allow_missing(module, arg_params, aux_params):
    module.init_params(mx.init.One(), arg_params=arg_params, aux_params=aux_params, allow_missing=True)


def with_set_params(module, arg_params, aux_params):
    module.set_params(arg_params, aux_params)


def with_set_params_over_trained_ds(module, arg_params, aux_params):
    module.init_params(mx.init.One())
    module.set_params(moved(module.get_params()[0]), aux_params)
    module.set_params(arg_params, aux_params, allow_missing=True)


@pytest.mark.parametrize(
    "load", [with_init_params, with_allow_missing, with_set_params, with_set_params_over_trained_ds]
)
@pytest.mark.parametrize("d_mul", [None, 12])
def test_plain_values_are_loaded_with_the_identity(load, d_mul, stock):
    undo = convert_modules(Converter(DOConvConfig(d_mul=d_mul, d_initializer="he")))
    try:
        module = mx.mod.Module(small_symbol())
        module.bind([DATA], [LABEL])
        load(module, *stock.get_params())
        assert set(module.get_params()[0]) == {*stock.get_params()[0], *DS}
        assert same_bits([predictions(module)], [predictions(stock)])
    finally:
        undo()


def test_what_else_is_missing_is_the_error_it_was(stock, converter):
    arg_params, aux_params = stock.get_params()
    del arg_params["dense_bias"]
    module = mx.mod.Module(small_symbol())
    module.bind([DATA], [LABEL])
    with pytest.raises(RuntimeError, match="dense_bias is not presented"):
        module.set_params(arg_params, aux_params)


def test_checkpoints_of_both_kinds_are_trained_on(stock, trained, tmp_path):
    for module in (stock, trained):
        module.save_checkpoint(str(tmp_path / "net"), 1)
        loaded = mx.mod.Module.load(str(tmp_path / "net"), 1)
        loaded.bind([DATA], [LABEL])
        assert same_bits([predictions(loaded)], [predictions(module)])
        before = copies(loaded.get_params()[0])
        loaded.fit(batches(), num_epoch=1, optimizer_params=SGD)
        assert set(DS) < moved_names(loaded, before)


def test_states_of_a_plain_training_are_refused(stock, converter, tmp_path):
    stock.init_optimizer(optimizer_params={"momentum": 0.9})
    stock.save_checkpoint(str(tmp_path / "net"), 1, save_optimizer_states=True)
    loaded = mx.mod.Module.load(str(tmp_path / "net"), 1, load_optimizer_states=True)
    with pytest.raises(doconv.DOConvError, match=r"net-0001\.states.*filed by position"):
        loaded.bind([DATA], [LABEL])


def by_position(fixed):
    return mx.mod.Module(
        small_symbol(), ("data",), ("softmax_label",), mx.module.module.logging, mx.cpu(), None, fixed
    )


def by_keyword(fixed):
    return mx.mod.Module(symbol=small_symbol(), fixed_param_names=fixed)


@pytest.mark.parametrize("make", [by_position, by_keyword])
def test_fixed_weights_have_fixed_ds(make, converter):
    module = make(["shared_weight"])
    module.bind([DATA], [LABEL])
    module.init_params(mx.init.Xavier())
    before = copies(module.get_params()[0])
    module.fit(batches(), num_epoch=1, optimizer_params=SGD)
    after = moved_names(module, before)
    assert {"conv-0_D", "grouped_D"} < after
    assert not after & {"shared_weight", "shared_D"}


def test_gradients_asked_for_by_name(converter):
    module = mx.mod.Module(small_symbol())
    module.bind([DATA], [LABEL], grad_req={"shared_weight": "null", "conv-0_weight": "add"})
    requests = module._exec_group.grad_req
    assert [requests[name] for name in ("shared_D", "conv-0_D", "grouped_D")] == ["null", "add", "write"]


def by_function(prefix, symbol, arg_params, aux_params):
    mx.model.save_checkpoint(prefix, 1, symbol, arg_params, aux_params)


def by_callback(prefix, symbol, arg_params, aux_params):
    mx.callback.do_checkpoint(prefix)(0, symbol, arg_params, aux_params)


def by_keyword_alone(prefix, symbol, arg_params, aux_params):
    mx.model.save_checkpoint(
        aux_params=aux_params,
        arg_params=arg_params,
        symbol=symbol,
        epoch=1,
        prefix=prefix,
        remove_amp_cast=False,
    )


@pytest.mark.parametrize("save", [by_function, by_callback, by_keyword_alone])
def test_a_script_that_saves_the_symbol_it_built(save, trained, tmp_path):
    prefix = str(tmp_path / "net")
    save(prefix, small_symbol(), *trained.get_params())
    loaded = mx.mod.Module.load(prefix, 1)
    loaded.bind([DATA], [LABEL])
    assert same_bits([predictions(loaded)], [predictions(trained)])
    doconv.fold_symbol(prefix, 1, prefix)
    assert nodes(mx.sym.load(f"{prefix}-symbol.json")) == nodes(small_symbol())


def test_buckets_share_their_ds(converter):
    module = mx.mod.BucketingModule(
        lambda size: (small_symbol(), ("data",), ("softmax_label",)), default_bucket_key=8
    )
    module.bind([DATA], [LABEL])
    module.init_params(mx.init.Xavier())
    module.init_optimizer(optimizer_params=SGD)
    module.switch_bucket(9, [DATA], [LABEL])
    batch = next(batches())
    batch.bucket_key, batch.provide_data, batch.provide_label = 9, [DATA], [LABEL]
    before = copies(module.get_params()[0])
    module.forward_backward(batch)
    module.update()
    assert set(DS) < moved_names(module, before)


def test_symbols_that_are_left_as_they_are(converter, trained):
    dense = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3)
    pointwise = mx.sym.Convolution(mx.sym.var("data"), num_filter=3, kernel=(1, 1))
    built = len(converter.built)
    for symbol in (dense, pointwise):
        assert mx.mod.Module(symbol, label_names=None).symbol is symbol
    assert len(converter.built) == built
    assert mx.mod.Module(trained.symbol).symbol is trained.symbol


def test_a_selection_that_matches_nothing_stops_the_script():
    undo = convert_modules(Converter(DOConvConfig(include="nothing")))
    try:
        with pytest.raises(doconv.DOConvError, match="matches no convolution"):
            mx.mod.Module(small_symbol())
    finally:
        undo()


def hooked():
    owners = [mx.mod.Module, mx.optimizer.Optimizer, mx.optimizer.LARS, mx.model, mx.callback]
    return [dict(vars(owner)) for owner in owners]


def test_undone_object_for_object():
    before = hooked()
    undo = convert_modules(Converter(DOConvConfig()))
    assert hooked() != before
    undo()
    assert hooked() == before


def test_mistakes_are_those_of_the_stock_methods(converter):
    with pytest.raises(TypeError, match="symbol"):
        mx.mod.Module(symbols=small_symbol())
    with pytest.raises(ValueError, match="fixed_param"):
        mx.mod.Module(small_symbol(), fixed_param_names=["nowhere_weight"])

"""Live networks: over-parameterized and folded in place, with nothing else about them changed."""

import gluon_doconv as doconv
from gluon_doconv import kernel
from gluon_doconv.sites import find_sites

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon
from mxnet.gluon import SymbolBlock, nn
from networks import (
    ZOO,
    anatomy,
    composed_in_numpy,
    from_zoo,
    images,
    in_symbols,
    initialized,
    outputs,
    perturb,
    same_bits,
    same_values,
    small,
    values,
)

NETWORKS = [small, in_symbols]


def ds(net):
    """Every Parameter D of ``net``, once."""
    return list({id(site.d): site.d for site in find_sites(net) if site.d is not None}.values())


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
@pytest.mark.parametrize("name", ZOO)
def test_there_and_back(name, hybrid):
    net, x = from_zoo(name), images(ZOO[name])
    net.hybridize(hybrid)
    plain = outputs(net, x)  # which also leaves grouped weights in a layout of oneDNN's
    before, was = values(net), anatomy(net)

    report = doconv.over_parameterize(net)
    spatial = [site.name for site in find_sites(net) if np.prod(site.kernel_size) > 1]
    assert report.changed == spatial
    assert set(report.skipped.values()) == {"pointwise"}
    assert len(values(net)) == len(before) + len(spatial)
    assert same_bits(outputs(net, x), plain)

    perturb(net)
    changed = outputs(net, x)
    assert not same_bits(changed, plain)

    expected = composed_in_numpy(net, kernel.compose)
    assert doconv.fold(net).changed == spatial
    assert same_bits(outputs(net, x), changed)
    assert anatomy(net) == was
    for (_, parameter, _), value in values(net).items():
        if parameter in expected:
            np.testing.assert_allclose(value, expected[parameter], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("d_mul", [10, 9 * 2, 9 * 3 + 2])
@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
def test_a_trained_network_has_room_for_a_larger_d_mul(build, hybrid, d_mul):
    net, x = build(), images()
    net.hybridize(hybrid)
    plain, was = outputs(net, x), anatomy(net)
    doconv.over_parameterize(net, d_mul=d_mul)
    assert {d.shape[1] for d in ds(net)} == {d_mul}
    assert same_bits(outputs(net, x), plain)
    perturb(net)
    changed = outputs(net, x)
    assert not same_bits(changed, plain)
    doconv.fold(net)
    assert same_bits(outputs(net, x), changed)
    assert anatomy(net) == was


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
def test_a_fresh_network_learns_its_channels_from_data(hybrid):
    net = small()
    net.hybridize(hybrid)
    doconv.over_parameterize(net)
    assert {d.shape[2] for d in ds(net)} == {0}
    x = images()
    net(x)
    assert [d.shape[2] for d in ds(net)] == [3, 8, 8]
    perturb(net)
    changed = outputs(net, x)
    doconv.fold(net)
    assert same_bits(outputs(net, x), changed)


def test_folding_before_any_data_leaves_a_fresh_plain_network():
    net = small()
    was = anatomy(net)
    doconv.over_parameterize(net)
    doconv.fold(net)
    assert anatomy(net) == was
    net(images())


def unchanged_by(action, net, match):
    """Assert that ``action`` is refused with a message that matches, and that ``net`` is as it was."""
    was, before = anatomy(net), values(net)
    with pytest.raises(doconv.DOConvError, match=match):
        action(net)
    assert anatomy(net) == was
    assert same_values(values(net), before)


@pytest.mark.parametrize("build", NETWORKS)
def test_too_small_a_d_mul_changes_nothing(build):
    net = build()
    net(images())
    # The (1, 3) kernel would have room for it: all layers are checked before the first is changed.
    unchanged_by(lambda net: doconv.over_parameterize(net, d_mul=3), net, "d_mul=3 is below M·N=9")


def test_one_layer_that_cannot_be_converted_keeps_all_from_it():
    net = small(in_channels=3)
    with net.name_scope():
        net.add(nn.Conv2D(2, 3, layout="NHWC"))
    unchanged_by(doconv.over_parameterize, net, "layout='NHWC'")


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("which", ["weight", "d"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_do_not_fold(build, which, value):
    net = build()
    net(images())
    doconv.over_parameterize(net)
    perturb(net)
    last = getattr(find_sites(net)[2], which)
    last.data()[0, 0, 0] = value
    unchanged_by(doconv.fold, net, last.name)


@pytest.mark.parametrize("build", NETWORKS)
def test_converting_twice_warns_and_changes_nothing(build):
    net = build()
    net(images())
    doconv.over_parameterize(net)
    perturb(net)
    was, before = anatomy(net), values(net)
    with pytest.warns(doconv.DOConvWarning, match="DO-Conv already"):
        report = doconv.over_parameterize(net)
    assert report.changed == []
    assert list(report.skipped.values()).count("DO-Conv already") == len(ds(net))
    assert anatomy(net) == was
    assert same_values(values(net), before)


@pytest.mark.parametrize("build", NETWORKS)
def test_folding_a_plain_network_warns_and_changes_nothing(build):
    net = build()
    net(images())
    was, before = anatomy(net), values(net)
    with pytest.warns(doconv.DOConvWarning, match="has no DO-Conv layer"):
        report = doconv.fold(net)
    assert report.changed == []
    assert anatomy(net) == was
    assert same_values(values(net), before)


def test_more_of_a_network_can_be_converted_later():
    net, x = small(in_channels=3), images()
    doconv.over_parameterize(net, include="^0$")
    perturb(net)
    before = outputs(net, x)
    report = doconv.over_parameterize(net)
    assert (report.skipped["0"], report.changed) == ("DO-Conv already", ["3", "4"])
    assert same_bits(outputs(net, x), before)


def test_a_report_says_what_became_of_every_convolution():
    text = str(doconv.over_parameterize(small(), exclude="^3$"))
    lines = [line.split() for line in text.splitlines()[2:]]
    assert lines == [
        ["0", "3×3", "DO-Conv"],
        ["3", "3×3", "excluded"],
        ["4", "1×3", "DO-DConv"],
        ["5", "1×1", "pointwise"],
        ["over-parameterized:", "2", "of", "4", "convolutions"],
    ]


def test_frozen_weights_have_a_frozen_d():
    net = small()
    net[0].weight.grad_req = "null"
    doconv.over_parameterize(net)
    assert [d.grad_req for d in ds(net)] == ["null", "write", "write"]


def test_d_learns_at_the_rate_of_its_weight_and_decays_at_its_own():
    net = small()
    net[0].weight.lr_mult = 10.0
    doconv.over_parameterize(net, d_wd_mult=0.5)
    assert [d.lr_mult for d in ds(net)] == [10.0, 1.0, 1.0]
    assert {d.wd_mult for d in ds(net)} == {0.5}


@pytest.mark.parametrize("build", NETWORKS)
def test_several_contexts(build):
    contexts = [mx.cpu(0), mx.cpu(1)]
    net = build(ctx=contexts)
    inputs = [images(ctx=context) for context in contexts]
    plain = [outputs(net, x) for x in inputs]
    doconv.over_parameterize(net, d_mul=18)
    assert all(same_bits(outputs(net, x), y) for x, y in zip(inputs, plain))
    perturb(net)
    changed = [outputs(net, x) for x in inputs]
    doconv.fold(net)
    assert all(same_bits(outputs(net, x), y) for x, y in zip(inputs, changed))
    assert find_sites(net)[0].weight.list_ctx() == contexts


# Weights that are shared


def conv(**kwargs):
    return nn.Conv2D(3, 3, padding=1, in_channels=3, **kwargs)


def twice_the_same_layer():
    layer = conv()
    return [layer, layer]


def two_layers():
    first = conv()
    return [first, conv(params=first.params)]


def two_layers_the_owner_last():
    return two_layers()[::-1]


def three_in_a_chain():
    first, second = two_layers()
    return [conv(params=second.params), second, first]


def a_layer_and_a_graph():
    layer, data = conv(), mx.sym.var("data")
    return [layer, SymbolBlock(layer(data), data, params=layer.collect_params())]


def two_graphs():
    layer, first = a_layer_and_a_graph()
    data = mx.sym.var("data")
    return [first, SymbolBlock(layer(data), data, params=layer.collect_params())]


def twice_in_a_graph():
    layer, data = conv(), mx.sym.var("data")
    return [SymbolBlock(layer(layer(data)), data, params=layer.collect_params())]


SHARING = [
    twice_the_same_layer,
    two_layers,
    two_layers_the_owner_last,
    three_in_a_chain,
    a_layer_and_a_graph,
    two_graphs,
    twice_in_a_graph,
]


def sequence(layers):
    net = nn.HybridSequential()
    net.add(*layers)
    return initialized(net)


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("layers", SHARING)
def test_a_shared_weight_has_one_d_and_folds_once(layers, d_mul):
    net, x = sequence(layers()), images()
    plain, was = outputs(net, x), anatomy(net)
    doconv.over_parameterize(net, d_mul=d_mul)
    assert len(ds(net)) == 1
    perturb(net)
    changed = outputs(net, x)
    assert not same_bits(changed, plain)
    doconv.fold(net)
    assert same_bits(outputs(net, x), changed)
    assert anatomy(net) == was


@pytest.mark.parametrize("layers", [two_layers, a_layer_and_a_graph])
def test_half_of_those_that_share_a_weight_cannot_be_chosen(layers):
    net = sequence(layers())
    net(images())
    name = find_sites(net)[0].name
    unchanged_by(
        lambda net: doconv.over_parameterize(net, include=f"^{name}$"), net, "0 shares its weight with 1"
    )


def test_later_layers_that_share_a_weight_adopt_its_d():
    first = doconv.DOConv2D(3, 3, padding=1, in_channels=3)
    net = sequence([first, conv(params=first.params)])
    doconv.over_parameterize(net)
    assert net[1].D is first.D


# Graphs


def block_of(weight, **kwargs):
    data = mx.sym.var("data")
    kernel = mx.sym.var(weight)
    symbol = mx.sym.Convolution(data, kernel, kernel=(3, 3), num_filter=4, no_bias=True, name="c", **kwargs)
    return initialized(SymbolBlock(symbol, data))


@pytest.mark.parametrize("weight", ["c_weight", "c.weight"])
def test_a_graph_of_one_convolution(weight):
    net, x = block_of(weight), images()
    plain, was = outputs(net, x), anatomy(net)
    assert doconv.over_parameterize(net).changed == ["c"]
    assert same_bits(outputs(net, x), plain)
    perturb(net)
    changed = outputs(net, x)
    assert len(net._collect_params_with_prefix()) == 2
    doconv.fold(net)
    assert same_bits(outputs(net, x), changed)
    assert anatomy(net) == was


def test_a_kernel_of_another_name_is_left_alone():
    with pytest.raises(doconv.DOConvError, match="nothing to over-parameterize"):
        doconv.over_parameterize(block_of("c"))


def test_channels_last_in_a_graph():
    unchanged_by(doconv.over_parameterize, block_of("c_weight", layout="NHWC"), "layout 'NHWC'")


def test_features_are_not_composed_in_a_graph():
    unchanged_by(lambda net: doconv.over_parameterize(net, composition="feature"), in_symbols(), "SymbolBlock")


# Trainers

ONE, TWO = [mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]
STORES = {
    "one device": (ONE, "device", None),
    "updated beside the store": (TWO, "device", False),
    "updated in the store": (TWO, "device", True),
    "updated in a local store": (TWO, "local", True),
}


class Training:
    """A network that is being trained."""

    def __init__(self, build, store="one device", momentum=0.9):
        self.contexts, kvstore, update_on_kvstore = STORES[store]
        self.net = build(ctx=self.contexts)
        self.inputs = [images(ctx=context) for context in self.contexts]
        for x in self.inputs:
            self.net(x)
        self.trainer = gluon.Trainer(
            self.net.collect_params(),
            "sgd",
            {"learning_rate": 0.1, "momentum": momentum},
            kvstore=kvstore,
            update_on_kvstore=update_on_kvstore,
        )
        self.target = mx.nd.random.normal(shape=self.net(self.inputs[0]).shape)

    def step(self):
        """Train one batch, and assert that every Parameter that is to be trained moves, alike everywhere."""
        trained = [p for p in self.net.collect_params().values() if p.grad_req != "null"]
        before = [p.data(self.contexts[0]).asnumpy() for p in trained]
        with autograd.record():
            losses = [((self.net(x) - self.target.as_in_context(x.context)) ** 2).sum() for x in self.inputs]
        autograd.backward(losses)
        has_gradient = [np.any(p.grad(self.contexts[0]).asnumpy()) for p in trained]
        self.trainer.step(2)
        for parameter, old, moves in zip(trained, before, has_gradient):
            assert np.any(parameter.data(self.contexts[0]).asnumpy() != old) >= moves, parameter.name
            assert len({array.asnumpy().tobytes() for array in parameter.list_data()}) == 1, parameter.name

    def predict(self):
        return [array for x in self.inputs for array in outputs(self.net, x)]


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("store", STORES)
def test_a_trainer_trains_d_and_goes_on_after_folding(build, store, d_mul):
    training = Training(build, store)
    training.step()
    plain = training.predict()
    for _ in range(2):
        doconv.over_parameterize(training.net, d_mul=d_mul)
        assert same_bits(training.predict(), plain)
        training.step()
        assert all(np.any(d.data(training.contexts[0]).asnumpy()) for d in ds(training.net))
        training.step()
        changed = training.predict()
        doconv.fold(training.net)
        assert same_bits(training.predict(), changed)
        training.step()
        plain = training.predict()
        assert not same_bits(plain, changed)


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("store", STORES)
def test_a_trainer_goes_on_from_the_values_that_are_there(store, d_mul):
    """And not from its store's copy of former ones: at a learning rate of zero, all stays."""
    training = Training(small, store, momentum=0)
    doconv.over_parameterize(training.net, d_mul=d_mul)
    training.step()
    training.trainer.set_learning_rate(0)
    for change in (doconv.fold, lambda net: doconv.over_parameterize(net, d_mul=d_mul)):
        change(training.net)
        before = [p.data().asnumpy() for p in training.net.collect_params().values() if p.grad_req != "null"]
        with autograd.record():
            losses = [training.net(x).sum() for x in training.inputs]
        autograd.backward(losses)
        training.trainer.step(1)
        after = [p.data().asnumpy() for p in training.net.collect_params().values() if p.grad_req != "null"]
        assert same_bits(after, before)


def test_a_trainer_minds_the_learning_rate_of_d():
    training = Training(small)
    training.net[0].weight.lr_mult = 0.0
    doconv.over_parameterize(training.net)
    before = training.net[0].D.data().asnumpy(), training.net[3].D.data().asnumpy()
    with autograd.record():
        loss = (training.net(training.inputs[0]) ** 2).sum()
    loss.backward()
    training.trainer.step(1)
    after = training.net[0].D.data().asnumpy(), training.net[3].D.data().asnumpy()
    assert [np.array_equal(a, b) for a, b in zip(after, before)] == [True, False]


def test_a_trainer_goes_on_if_d_never_had_values():
    net = small()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    size = len(trainer._params)
    doconv.over_parameterize(net)
    doconv.fold(net)
    assert [p.name for p in trainer._params] == sorted(net.collect_params().keys())
    assert len(trainer._params) == size
    with autograd.record():
        loss = net(images()).sum()
    loss.backward()
    trainer.step(2)


@pytest.mark.parametrize("store", ["one device", "updated in the store"])
def test_a_trainer_saves_and_loads_its_states(store, tmp_path):
    training = Training(small, store)
    doconv.over_parameterize(training.net)
    training.step()
    training.net.save_parameters(str(tmp_path / "net.params"))
    training.trainer.save_states(str(tmp_path / "states"))
    training.step()
    expected = values(training.net)

    for _ in range(2):  # now the momentum in memory is not that of the file
        training.step()
    training.net.load_parameters(str(tmp_path / "net.params"), ctx=training.contexts)
    training.trainer._reset_kvstore()  # Gluon's Trainer does not notice that parameters were loaded
    training.trainer.load_states(str(tmp_path / "states"))
    training.step()
    assert same_values(values(training.net), expected)


@pytest.mark.parametrize("update_on_kvstore, d_mul", [(True, None), (False, 18)])
def test_what_servers_hold_is_not_folded(update_on_kvstore, d_mul):
    """A Trainer that believes itself distributed: MXNet could not replace what its servers hold."""
    training = Training(small, "updated in the store" if update_on_kvstore else "updated beside the store")
    doconv.over_parameterize(training.net, d_mul=d_mul)
    training.step()
    training.trainer._distributed = True
    unchanged_by(doconv.fold, training.net, "small_conv0_weight is being trained with a distributed kvstore")


def test_what_servers_only_add_up_is_folded():
    training = Training(small, "updated beside the store")
    doconv.over_parameterize(training.net)
    training.step()
    training.trainer._distributed = True
    assert len(doconv.fold(training.net).changed) == 3
    training.step()

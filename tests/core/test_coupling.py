"""Whatever a script does to a weight, it does to its D: in layers and in graphs, hybridized and not."""

import copy
import pickle

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd
from mxnet.gluon import Trainer
from networks import images, in_symbols, perturb, small

BUILDS = [small, in_symbols]


def pairs(net):
    """Every weight that has a D, and that D, by their names alone."""
    parameters = net.collect_params()
    names = [name for name in parameters if name.endswith("D")]
    assert names
    return [(parameters[f"{name[:-1]}weight"], parameters[name]) for name in names]


@pytest.fixture(params=[(build, hybrid) for build in BUILDS for hybrid in (False, True)])
def net(request):
    build, hybrid = request.param
    net = build()
    net.hybridize(hybrid)
    net(images(8))
    doconv.over_parameterize(net, d_wd_mult=0.5)
    perturb(net)
    net(images(8))
    return net


def step(net, trainer):
    with autograd.record():
        loss = (net(images(8)) ** 2).sum()
    loss.backward()
    trainer.step(1)


def values(parameters):
    return [parameter.data().asnumpy() for parameter in parameters]


def moved(net, trainer):
    """Which weights and which Ds one step moves."""
    before = [(w.data().asnumpy(), d.data().asnumpy()) for w, d in pairs(net)]
    step(net, trainer)
    after = [(w.data().asnumpy(), d.data().asnumpy()) for w, d in pairs(net)]
    return [tuple((a != b).any() for a, b in zip(one, other)) for one, other in zip(before, after)]


def test_d_stands_after_its_weight_among_the_names_of_the_plain_network(net):
    names = list(net.collect_params())
    structural = list(net._collect_params_with_prefix())
    for listed in (names, structural):
        for position, name in enumerate(listed):
            if name.endswith("D"):
                assert listed[position - 1] == f"{name[:-1]}weight"
    doconv.fold(net)
    assert [name for name in names if not name.endswith("D")] == list(net.collect_params())


@pytest.mark.parametrize("select", [".*weight", ".*weight|.*bias", "^(?!.*(bias|gamma|beta|running)).*$"])
def test_where_the_weight_is_selected_d_is(net, select):
    chosen = net.collect_params(select)
    assert all((weight.name in chosen) and (d.name in chosen) for weight, d in pairs(net))


@pytest.mark.parametrize("select", [".*bias", "^(?!.*weight).*$", ".*(gamma|beta|bias)$"])
def test_where_the_weight_is_not_selected_d_is_not(net, select):
    chosen = net.collect_params(select)
    assert chosen and not any(d.name in chosen for _, d in pairs(net))


def test_d_is_selected_by_whoever_asks_for_it(net):
    assert sorted(net.collect_params(".*D$")) == sorted(d.name for _, d in pairs(net))


@pytest.mark.parametrize("trainer_first", [False, True])
def test_freezing_and_thawing(net, trainer_first):
    def trainer():
        return Trainer(net.collect_params(), "sgd", {"learning_rate": 1e3})

    made = trainer() if trainer_first else None
    (frozen, _), *_ = pairs(net)
    frozen.grad_req = "null"
    made = made or trainer()
    assert moved(net, made) == [(weight is not frozen,) * 2 for weight, _ in pairs(net)]
    frozen.grad_req = "write"
    assert moved(net, made) == [(True, True)] * len(pairs(net))


def test_a_weight_frozen_before_there_are_values_thaws_with_its_d():
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(4, 3))
    doconv.over_parameterize(net)
    net.collect_params().setattr("grad_req", "null")
    net.initialize()
    net(images(8))
    net.collect_params(".*weight").setattr("grad_req", "write")
    trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 1e3})
    assert moved(net, trainer) == [(True, True)]


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_learning_rates(net, rate):
    (slow, _), *_ = pairs(net)
    trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 1e3})
    slow.lr_mult = rate
    assert moved(net, trainer)[0] == (rate > 0, rate > 0)


def test_weight_decay_has_a_factor_of_its_own(net):
    for weight, d in pairs(net):
        assert (weight.wd_mult, d.wd_mult) == (1.0, 0.5)
    net.collect_params().setattr("wd_mult", 4.0)
    assert {(weight.wd_mult, d.wd_mult) for weight, d in pairs(net)} == {(4.0, 2.0)}


def test_gradients_that_add_up_are_cleared_together(net):
    for weight, _ in pairs(net):
        weight.grad_req = "add"
    for _ in range(2):
        with autograd.record():
            loss = (net(images(8)) ** 2).mean()
        loss.backward()
    for weight, d in pairs(net):
        assert d.grad_req == "add" and d.grad().abs().sum().asscalar() > 0
        weight.zero_grad()
        assert d.grad().abs().sum().asscalar() == 0


def test_casting_and_moving(net):
    for weight, d in pairs(net):
        weight.cast("float64")
        assert np.dtype(d.dtype) == d.data().dtype == np.float64
        weight.reset_ctx([mx.cpu(0), mx.cpu(1)])
        assert d.list_ctx() == weight.list_ctx() == [mx.cpu(0), mx.cpu(1)]


class ByName(mx.init.Initializer):
    """Goes by the ends of names, and knows no D."""

    def __call__(self, name, array):
        array[:] = {"weight": 0.5, "bias": 0.25, "gamma": 1, "beta": 0, "mean": 0, "var": 1}[
            name[name.rfind("_") + 1 :]
        ]


INITIALIZERS = {
    "by name": ByName,
    "xavier": mx.init.Xavier,
    "constant": lambda: mx.init.Constant(3),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_d_starts_from_its_own_rule(net, name):
    net.initialize(INITIALIZERS[name](), force_reinit=True)
    net(images(8))
    for weight, d in pairs(net):
        assert (d.data().asnumpy() == 0).all() and (weight.data().asnumpy() != 0).any()


@pytest.mark.parametrize("given", ["weights", "weights and ds", "a dictionary", "everything"])
def test_a_trainer_that_is_given_a_weight_trains_its_d(net, given):
    lists = {
        "weights": lambda: [weight for weight, _ in pairs(net)],
        "weights and ds": lambda: [each for pair in pairs(net) for each in pair],
        "a dictionary": lambda: {weight.name: weight for weight, _ in pairs(net)},
        "everything": lambda: net.collect_params(),
    }
    trainer = Trainer(lists[given](), "sgd", {"learning_rate": 1e3})
    assert moved(net, trainer) == [(True, True)] * len(pairs(net))


def test_a_trainer_that_is_not_given_the_weight_trains_no_d(net):
    others = [p for name, p in net.collect_params().items() if not name.endswith("weight")]
    trainer = Trainer(others, "sgd", {"learning_rate": 1e3})
    assert moved(net, trainer) == [(False, False)] * len(pairs(net))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_are_pairs_of_their_own(copied):
    """Of a network that was never hybridized and has no graph; MXNet copies no other."""
    net, x = small(), images(8)
    net(x)
    doconv.over_parameterize(net)
    perturb(net)
    expected, twin = net(x).asnumpy(), copied(net)
    assert np.array_equal(twin(x).asnumpy(), expected)
    (weight, d), *_ = pairs(twin)
    weight.grad_req = "null"
    assert d.grad_req == "null" and pairs(net)[0][1].grad_req == "write"
    doconv.fold(twin)
    assert np.array_equal(twin(x).asnumpy(), expected)
    assert np.array_equal(net(x).asnumpy(), expected)


@pytest.mark.parametrize("layer_type", [mx.gluon.nn.Conv1D, mx.gluon.nn.Conv2D, mx.gluon.nn.Conv3D])
def test_a_converted_layer_keeps_its_class(layer_type):
    net = mx.gluon.nn.HybridSequential()
    net.add(layer_type(4, 3))
    doconv.over_parameterize(net)
    assert type(net[0]) is layer_type
    doconv.fold(net)
    assert type(net[0]) is layer_type and type(net[0].weight) is mx.gluon.Parameter

"""Live networks: over-parameterized and folded in place, with nothing else about them changed."""

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.convolutions import find_convolutions

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn
from networks import (
    NETWORKS,
    ZOO,
    anatomy,
    composed_in_numpy,
    ds,
    from_zoo,
    images,
    outputs,
    perturb,
    same_bits,
    same_values,
    slow_but_first,
    small,
    unchanged_by,
    values,
)
from oracle import spatial_convolutions_of


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
@pytest.mark.parametrize("name", slow_but_first(ZOO))
def test_there_and_back(name, hybrid):
    net, x = from_zoo(name), images(ZOO[name])
    net.hybridize(hybrid)
    plain = outputs(net, x)  # which also leaves grouped weights in a layout of oneDNN's
    spatial = spatial_convolutions_of(net)
    before, was = values(net), anatomy(net)

    report = doconv.over_parameterize(net)
    assert sorted(report.changed) == sorted(spatial)
    assert set(report.skipped.values()) == {"pointwise"}
    assert len(values(net)) == len(before) + len(spatial)
    assert same_bits(outputs(net, x), plain)

    perturb(net)
    changed = outputs(net, x)
    assert not same_bits(changed, plain)

    expected = composed_in_numpy(net, kernel.compose)
    assert sorted(doconv.fold(net).changed) == sorted(spatial)
    assert same_bits(outputs(net, x), changed)
    assert anatomy(net) == was
    for (_, parameter, _), value in values(net).items():
        if parameter in expected:
            np.testing.assert_allclose(value, expected[parameter], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("d_mul", slow_but_first([9 * 3 + 2, 9 * 2, 10]))
@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
def test_a_trained_network_has_room_for_a_larger_d_mul(build, hybrid, d_mul):
    net, x = build(), images()
    net.hybridize(hybrid)
    plain, was = outputs(net, x), anatomy(net)
    doconv.over_parameterize(net, d_mul=d_mul)
    assert {d.shape[-2] for d in ds(net)} == {d_mul}
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
    last = getattr(find_convolutions(net)[2], which)
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
    assert find_convolutions(net)[0].weight.list_ctx() == contexts

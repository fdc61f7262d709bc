"""``.params`` files, plain, DO-Conv and folded ones, into networks; and plain ones turned into DO-Conv ones."""

import gluon_doconv as doconv
from gluon_doconv.files.params import read_params, write_params

import mxnet as mx
import numpy as np
import pytest
from gluoncv import model_zoo
from mxnet.gluon import nn
from networks import (
    NETWORKS,
    doconv_network,
    ds,
    from_zoo,
    images,
    outputs,
    perturb,
    same_bits,
    same_values,
    small,
    values,
)
from oracle import spatial_convolutions_of


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
def test_a_plain_file_starts_from_the_identity(build, d_mul, path):
    net, x = build(), images()
    plain = outputs(net, x)
    net.save_parameters(path)
    other = doconv_network(build, d_mul=d_mul)
    assert not same_bits(outputs(other, x), plain)
    doconv.load_parameters(other, path)
    assert same_bits(outputs(other, x), plain)
    assert not any(d.data().asnumpy().any() for d in ds(other))


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
def test_a_doconv_file_comes_back(build, d_mul, path):
    net, other = doconv_network(build, d_mul=d_mul), doconv_network(build, d_mul=d_mul)
    net.save_parameters(path)
    assert not same_values(values(net), values(other))
    doconv.load_parameters(other, path)
    assert same_values(values(other), values(net))


def test_into_a_network_without_values(path):
    net, x = from_zoo("cifar_resnet20_v1"), images(32)
    net(x)
    doconv.over_parameterize(net)
    perturb(net)
    net.save_parameters(path)
    fresh, contexts = model_zoo.get_model("cifar_resnet20_v1"), [mx.cpu(0), mx.cpu(1)]
    doconv.over_parameterize(fresh)
    doconv.load_parameters(fresh, path, ctx=contexts)
    for context in contexts:
        assert same_bits(outputs(fresh, x.as_in_context(context)), outputs(net, x))


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("form", ["gluon", "without prefix", "exported"])
def test_other_names_for_the_same_arrays(form, plain, path):
    net, x = doconv_network(), images()
    if plain:
        doconv.fold(net)
    names = {
        "gluon": lambda p: p.name,
        "without prefix": lambda p: p.name[len("small_") :],
        "exported": lambda p: ("aux:" if "running" in p.name else "arg:") + p.name,
    }[form]
    write_params(path, {names(p): p.data() for p in net.collect_params().values()})
    other = doconv_network()
    doconv.load_parameters(other, path)
    assert same_bits(outputs(other, x), outputs(net, x))


def drop(name):
    return lambda arrays: arrays.pop(name)


def put(name, array):
    return lambda arrays: arrays.update({name: array})


MISFITS = {
    "missing": (drop("3.weight"), "missing: 3.weight"),
    "superfluous": (put("9.weight", mx.nd.ones(1)), "not in the network: 9.weight"),
    "D where there is none": (put("5.D", mx.nd.ones(1)), "not in the network: 5.D .*over-parameterize it"),
    "wrong shape": (put("3.weight", mx.nd.ones((8, 4, 5, 5))), r"wrong shape: 3.weight is \(8, 4, 5, 5\)"),
    "wrong rank": (
        put("7.bias", mx.nd.ones((3, 1))),
        r"wrong shape: 7.bias is \(3, 1\) in the file and \(3,\)",
    ),
    "wrong D": (put("3.D", mx.nd.ones((9, 12, 8))), r"wrong shape: 3.D is \(9, 12, 8\)"),
    "wrong dtype": (put("0.bias", mx.nd.ones(8, dtype="float64")), "wrong dtype: 0.bias is float64"),
    "two of them": (lambda arrays: [arrays.pop(n) for n in ("0.bias", "7.bias")], "0.bias\n  missing: 7.bias"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_file_that_does_not_fit_is_not_loaded_at_all(misfit, path):
    damage, message = MISFITS[misfit]
    doconv_network().save_parameters(path)
    arrays = read_params(path)
    damage(arrays)
    write_params(path, arrays)
    net = doconv_network()
    before = values(net)
    with pytest.raises(doconv.DOConvError, match=message) as caught:
        doconv.load_parameters(net, path)
    assert path in str(caught.value)
    assert same_values(values(net), before)


@pytest.mark.parametrize(
    "damage, flags",
    [
        (drop("3.weight"), {"allow_missing": True}),
        (put("9.weight", mx.nd.ones(1)), {"ignore_extra": True}),
        (put("0.bias", mx.nd.zeros(8, dtype="float64")), {"cast_dtype": True}),
    ],
)
def test_misfits_that_were_asked_for(damage, flags, path):
    source = doconv_network()
    source.save_parameters(path)
    arrays = read_params(path)
    damage(arrays)
    write_params(path, arrays)
    net = doconv_network()
    doconv.load_parameters(net, path, **flags)
    np.testing.assert_array_equal(net[0].D.data().asnumpy(), source[0].D.data().asnumpy())


def test_a_plain_network_takes_no_part_in_this(path):
    net = small(in_channels=3)
    net(images())
    net.save_parameters(path)
    with pytest.raises(doconv.DOConvError, match="no DO-Conv layer"):
        doconv.load_parameters(net, path)


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
def test_a_plain_file_becomes_a_doconv_file(build, d_mul, path, tmp_path):
    net, x = build(), images()
    plain = outputs(net, x)
    net.save_parameters(path)
    target = str(tmp_path / "doconv.params")
    other = doconv_network(build, d_mul=d_mul)
    before = values(other)
    layers = doconv.over_parameterize_params(path, target, other)
    assert layers == spatial_convolutions_of(net)
    assert same_values(values(other), before)
    other.load_parameters(target)  # MXNet's own: nothing is missing
    assert same_bits(outputs(other, x), plain)


def test_a_plain_file_of_another_network_does_not(path, tmp_path):
    net = nn.Conv2D(3, 3, in_channels=3)
    net.initialize()
    net.save_parameters(path)
    with pytest.raises(doconv.DOConvError, match=r"missing: 0\.weight"):
        doconv.over_parameterize_params(path, tmp_path / "doconv.params", doconv_network())
    assert [file.name for file in tmp_path.iterdir()] == ["net.params"]

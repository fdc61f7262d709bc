"""``.params`` files: plain, DO-Conv and folded ones, into networks and into each other."""

import subprocess
import sys
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.files.params import read_params, write_params

import mxnet as mx
import numpy as np
import pytest
from gluoncv import model_zoo
from mxnet.gluon import nn
from networks import (
    ZOO,
    composed_in_numpy,
    from_zoo,
    images,
    in_symbols,
    outputs,
    perturb,
    same_bits,
    same_values,
    small,
    values,
)

NETWORKS = [small, in_symbols]


def doconv_network(build=small, d_mul=None):
    """A DO-Conv network that has been trained."""
    net = build()
    net(images())
    doconv.over_parameterize(net, d_mul=d_mul)
    perturb(net)
    return net


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "net.params")


# Into a network


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
def test_a_plain_file_starts_from_the_identity(build, d_mul, path):
    net, x = build(), images()
    plain = outputs(net, x)
    net.save_parameters(path)
    other = doconv_network(build, d_mul)
    assert not same_bits(outputs(other, x), plain)
    doconv.load_parameters(other, path)
    assert same_bits(outputs(other, x), plain)
    assert not any(
        convolution.d.data().asnumpy().any()
        for convolution in find_convolutions(other)
        if convolution.d is not None
    )


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
def test_a_doconv_file_comes_back(build, d_mul, path):
    net, other = doconv_network(build, d_mul), doconv_network(build, d_mul)
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


# From file to file


def predict_without_doconv(tmp_path, what, params, x):
    """What a process predicts in which gluon_doconv cannot be imported."""
    np.save(tmp_path / "x.npy", x.asnumpy())
    program = [sys.executable, "-W", "ignore", str(Path(__file__).parents[1] / "stock_predict.py")]
    command = [*program, str(what), str(params), str(tmp_path / "x.npy"), str(tmp_path / "y.npz")]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)
    with np.load(tmp_path / "y.npz") as arrays:
        return [arrays[name] for name in arrays.files]


@pytest.mark.parametrize(
    "name, d_mul",
    [("cifar_resnet20_v1", None), ("mobilenetv2_0.25", 12), ("ssd_300_mobilenet0.25_voc", None)],
)
def test_a_folded_file_serves_stock_gluoncv(name, d_mul, tmp_path):
    net, x = from_zoo(name), images(ZOO[name])
    net(x)
    doconv.over_parameterize(net, d_mul=d_mul)
    perturb(net)
    expected = outputs(net, x)
    net.save_parameters(str(tmp_path / "doconv.params"))
    layers = doconv.fold_params(tmp_path / "doconv.params", tmp_path / "folded.params")
    assert layers == [convolution.name for convolution in find_convolutions(net) if convolution.d is not None]
    assert same_bits(predict_without_doconv(tmp_path, name, tmp_path / "folded.params", x), expected)


@pytest.mark.parametrize("d_mul", [None, 20])
@pytest.mark.parametrize("build", NETWORKS)
def test_folding_a_file_is_folding_the_network(build, d_mul, path):
    net = build()
    net(images())
    doconv.over_parameterize(net, d_mul=d_mul, exclude="conv2|4$")  # M·N = 3 tells no kernel size
    perturb(net)
    net.save_parameters(path)
    net_folded_in_numpy = composed_in_numpy(net, kernel.compose)
    doconv.fold_params(path, path)
    doconv.fold(net)
    folded = read_params(path)
    structural = net._collect_params_with_prefix()
    assert list(folded) == list(structural)
    assert same_bits([a.asnumpy() for a in folded.values()], [p.data().asnumpy() for p in structural.values()])
    for name, parameter in structural.items():
        if parameter.name in net_folded_in_numpy:
            expected = net_folded_in_numpy[parameter.name]
            np.testing.assert_allclose(folded[name].asnumpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_kernel_size_that_the_arrays_do_not_tell(path):
    net = doconv_network(d_mul=20)
    net.save_parameters(path)
    before = Path(path).read_bytes()
    for sizes in (None, {"4": (1, 4)}):
        with pytest.raises(doconv.DOConvError, match=r"4: M·N=3 .* kernel_sizes=\{'4': \(1, 3\)\}"):
            doconv.fold_params(path, path, kernel_sizes=sizes)
    assert Path(path).read_bytes() == before
    doconv.fold_params(path, path, kernel_sizes={"4": (1, 3)})
    doconv.fold(net)
    np.testing.assert_array_equal(read_params(path)["4.weight"].asnumpy(), net[4].weight.data().asnumpy())


@pytest.mark.parametrize("which", ["weight", "D"])
def test_values_that_are_not_finite_are_not_folded(which, path, tmp_path):
    net = doconv_network()
    getattr(net[3], which).data()[0, 0, 0] = np.nan
    net.save_parameters(path)
    with pytest.raises(doconv.DOConvError, match=f"3.{which}: .* not finite"):
        doconv.fold_params(path, tmp_path / "folded.params")
    assert [file.name for file in tmp_path.iterdir()] == ["net.params"]


def test_a_plain_file_has_nothing_to_fold(path, tmp_path):
    net = small()
    net(images())
    net.save_parameters(path)
    with pytest.raises(doconv.DOConvError, match="plain file, or folded already"):
        doconv.fold_params(path, tmp_path / "folded.params")
    assert [file.name for file in tmp_path.iterdir()] == ["net.params"]


def test_what_only_looks_like_d_is_passed_on(path):
    others = {
        "dense.weight": mx.nd.ones((3, 4)),  # no convolution
        "dense.D": mx.nd.ones((9, 1, 4)),
        "conv.weight": mx.nd.ones((4, 3, 3, 3)),
        "conv.D": mx.nd.ones((9, 4)),  # no D
        "alone.D": mx.nd.ones((9, 9, 3)),
    }
    write_params(path, {"X_weight": mx.nd.ones((4, 3, 2, 2)), "X_D": mx.nd.ones((4, 4, 3)), **others})
    assert doconv.fold_params(path, path) == ["X"]
    assert list(read_params(path)) == ["X_weight", *others]


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("build", NETWORKS)
def test_a_plain_file_becomes_a_doconv_file(build, d_mul, path, tmp_path):
    net, x = build(), images()
    plain = outputs(net, x)
    net.save_parameters(path)
    target = str(tmp_path / "doconv.params")
    other = doconv_network(build, d_mul)
    before = values(other)
    layers = doconv.over_parameterize_params(path, target, other)
    assert sorted(layers) == sorted(
        convolution.name for convolution in find_convolutions(other) if convolution.d is not None
    )
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


def test_inspection(path):
    net = doconv_network(d_mul=12)
    net.save_parameters(path)
    form = doconv.inspect(path)
    assert (form.kind, form.arrays) == ("DO-Conv", len(net._collect_params_with_prefix()))
    assert form.layers[0] == ("0", (8, 3, 12), (9, 12, 3))
    assert [name for name, _, _ in form.layers] == ["0", "3", "4"]
    assert "(9, 12, 3)" in str(form)
    doconv.fold(net)
    net.save_parameters(path)
    form = doconv.inspect(path)
    assert (form.kind, form.layers) == ("plain", ())
    assert "it has no D" in str(form)


def test_a_d_that_belongs_to_no_weight_is_not_passed_on(path, tmp_path):
    arrays = {"0.weight": mx.nd.ones((8, 3, 3, 3)), "0.D": mx.nd.ones((9, 9, 3))}
    mx.nd.save(str(path), {**arrays, "1.weight": mx.nd.ones((8, 8, 3, 3)), "1.D": mx.nd.ones((9, 9, 5))})
    with pytest.raises(doconv.DOConvError, match=r"1\.D of shape \(9, 9, 5\) does not belong"):
        doconv.fold_params(path, tmp_path / "folded.params")
    assert not (tmp_path / "folded.params").exists()

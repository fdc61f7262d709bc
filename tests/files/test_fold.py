"""``.params`` files folded without their network, and told from each other."""

from functools import partial
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.core import kernel
from gluon_doconv.files.params import read_params, write_params

import mxnet as mx
import numpy as np
import pytest
from networks import (
    NETWORKS,
    ZOO,
    composed_in_numpy,
    doconv_network,
    from_zoo,
    images,
    outputs,
    perturb,
    predict_without_doconv,
    same_bits,
    small,
)
from oracle import spatial_convolutions_of


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, d_mul",
    [("cifar_resnet20_v1", None), ("mobilenetv2_0.25", 12), ("ssd_300_mobilenet0.25_voc", None)],
)
def test_a_folded_file_serves_stock_gluoncv(name, d_mul, tmp_path):
    net, x = from_zoo(name), images(ZOO[name])
    net(x)
    spatial = spatial_convolutions_of(net)
    doconv.over_parameterize(net, d_mul=d_mul)
    perturb(net)
    expected = outputs(net, x)
    net.save_parameters(str(tmp_path / "doconv.params"))
    layers = doconv.fold_params(tmp_path / "doconv.params", tmp_path / "folded.params")
    assert layers == spatial
    assert same_bits(predict_without_doconv(tmp_path, name, tmp_path / "folded.params", x), expected)


@pytest.mark.parametrize("d_mul", [None, 20])
@pytest.mark.parametrize("build", NETWORKS)
def test_folding_a_file_is_folding_the_network(build, d_mul, path):
    net = build()
    net(images())
    doconv.over_parameterize(net, d_mul=d_mul)
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


@pytest.mark.parametrize("d_mul", [None, 10])
@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (doconv.DOConv1D, (9,)),
        (doconv.DOConv2D, (3, 3)),
        (doconv.DOConv2D, (1, 9)),
        (doconv.DOConv2D, (9, 1)),
        (doconv.DOConv3D, (1, 3, 3)),
        (doconv.DOConv3D, (3, 3, 1)),
    ],
)
def test_a_file_tells_kernels_of_one_area_apart(layer, size, d_mul, path):
    layer = layer(4, size, in_channels=6, groups=2, d_mul=d_mul)
    layer.initialize(mx.init.Xavier())
    perturb(layer)
    layer.save_parameters(path)
    doconv.fold_params(path, path)
    doconv.fold(layer)
    assert layer.weight.shape == (4, 3, *size)
    assert same_bits([read_params(path)["weight"].asnumpy()], [layer.weight.data().asnumpy()])


def former_file(net, path):
    """A file in which M·N is one axis of every D, whatever D_mul is."""
    net.save_parameters(path)
    arrays = read_params(path)
    formerly = {name: a.reshape((-1, *a.shape[-2:])) for name, a in arrays.items() if name.endswith(".D")}
    write_params(path, {**arrays, **formerly})
    assert {array.ndim for array in formerly.values()} == {3}


def test_a_former_file_is_read_and_folded_as_far_as_it_tells_its_kernels(path):
    net, other = doconv_network(d_mul=20), doconv_network(d_mul=20)
    former_file(net, path)
    before = Path(path).read_bytes()
    for load in (other.load_parameters, partial(doconv.load_parameters, other)):
        perturb(other)
        load(path)
        saved = other._collect_params_with_prefix()
        expected = net._collect_params_with_prefix()
        assert same_bits(*([p.data().asnumpy() for p in each.values()] for each in (saved, expected)))
    with pytest.raises(doconv.DOConvError, match=r"4: a D of shape \(3, 20, 8\) does not tell the kernel size"):
        doconv.fold_params(path, path)
    assert Path(path).read_bytes() == before
    write_params(path, {name: array for name, array in read_params(path).items() if not name.startswith("4.")})
    doconv.fold_params(path, path)
    doconv.fold(net)
    for layer in (0, 3):
        found = read_params(path)[f"{layer}.weight"].asnumpy()
        assert same_bits([found], [net[layer].weight.data().asnumpy()])


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


def test_inspection(path):
    net = doconv_network(d_mul=12)
    net.save_parameters(path)
    info = doconv.inspect(path)
    assert (info.kind, info.arrays) == ("DO-Conv", len(net._collect_params_with_prefix()))
    assert info.layers[0] == ("0", (8, 3, 12), (1, 3, 3, 12, 3))
    assert [name for name, _, _ in info.layers] == ["0", "3", "4"]
    assert "(1, 3, 3, 12, 3)" in str(info)
    doconv.fold(net)
    net.save_parameters(path)
    info = doconv.inspect(path)
    assert (info.kind, info.layers) == ("plain", ())
    assert "it has no D" in str(info)


def test_a_d_that_belongs_to_no_weight_is_not_passed_on(path, tmp_path):
    arrays = {"0.weight": mx.nd.ones((8, 3, 3, 3)), "0.D": mx.nd.ones((9, 9, 3))}
    mx.nd.save(str(path), {**arrays, "1.weight": mx.nd.ones((8, 8, 3, 3)), "1.D": mx.nd.ones((9, 9, 5))})
    with pytest.raises(doconv.DOConvError, match=r"1\.D of shape \(9, 9, 5\) does not belong"):
        doconv.fold_params(path, tmp_path / "folded.params")
    assert not (tmp_path / "folded.params").exists()

"""Checkpoints of the published layers, against what those layers compute, written out in NumPy."""

import gluon_doconv as doconv
from gluon_doconv.core import kernel

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn

CHANNELS, IN_CHANNELS, PATCH = 8, 4, 9


def published_gluon_kernel(weight, d, groups):
    """The GluonCV layer: kernels in (M, N, C_in/g, C_out) order, reshaped to (D_mul, C_in, C_out/g)."""
    total = d + np.eye(PATCH)[:, :, None]
    flat = weight.transpose(2, 3, 1, 0).reshape(PATCH, IN_CHANNELS, -1)
    composed = (total[..., None] * flat[None]).sum(axis=1)
    return composed.reshape(3, 3, IN_CHANNELS // groups, CHANNELS).transpose(3, 2, 0, 1)


def published_torch_kernel(weight, d, d_diag, groups):
    """The PyTorch layer: W reshaped to (C_out/g, C_in, D_mul), einsum('ims,ois->oim')."""
    out_channels = weight.shape[0]
    flat = weight.reshape(out_channels // groups, IN_CHANNELS, -1)
    composed = np.einsum("ims,ois->oim", d + d_diag, flat)
    return composed.reshape(out_channels, IN_CHANNELS // groups, 3, 3)


def torch_layer(rng, groups, d_mul=PATCH, out_channels=CHANNELS):
    d_diag = np.tile(kernel.identity(PATCH, d_mul), (IN_CHANNELS, 1, 1))
    return {
        "conv.W": rng.randn(out_channels, IN_CHANNELS // groups, d_mul),
        "conv.D": rng.randn(IN_CHANNELS, PATCH, d_mul),
        "conv.d_diag": d_diag,
        "conv.bias": rng.randn(out_channels),
    }


def doconv_net(groups, d_mul=None, channels=CHANNELS):
    net = nn.HybridSequential()
    net.add(doconv.DOConv2D(channels, 3, groups=groups, in_channels=IN_CHANNELS, d_mul=d_mul))
    net.cast("float64")
    return net


@pytest.mark.parametrize("groups", [1, 2, IN_CHANNELS])
def test_published_gluon_checkpoint_computes_what_it_computed(groups, tmp_path):
    rng = np.random.RandomState(groups)
    weight, d = rng.randn(CHANNELS, IN_CHANNELS // groups, 3, 3), rng.randn(PATCH, PATCH, IN_CHANNELS)
    mx.nd.save(str(tmp_path / "a.params"), {"0.weight": mx.nd.array(weight), "0.D": mx.nd.array(d)})
    assert doconv.import_published(tmp_path / "a.params", tmp_path / "b.params") == ["0"]
    doconv.fold_params(tmp_path / "b.params", tmp_path / "c.params")
    folded = mx.nd.load(str(tmp_path / "c.params"))["0.weight"].asnumpy()
    np.testing.assert_allclose(folded, published_gluon_kernel(weight, d, groups), rtol=1e-4, atol=1e-4)


def test_published_gluon_pairing_differs_between_the_extremes():
    rng = np.random.RandomState(0)
    weight, d = rng.randn(CHANNELS, 2, 3, 3), rng.randn(PATCH, PATCH, IN_CHANNELS)
    ours = kernel.compose(weight, d, (3, 3))
    assert np.abs(ours - published_gluon_kernel(weight, d, 2)).max() > 0.1


@pytest.mark.parametrize("d_mul", [PATCH, 12, 18])
@pytest.mark.parametrize(("groups", "channels"), [(1, CHANNELS), (IN_CHANNELS, IN_CHANNELS), (2, 2)])
def test_torch_checkpoint_computes_what_it_computed(groups, channels, d_mul, tmp_path):
    state = torch_layer(np.random.RandomState(d_mul), groups, d_mul, channels)
    net = doconv_net(groups, d_mul, channels)
    assert doconv.import_pytorch(state, tmp_path / "a.params", net) == ["0"]
    net.initialize()
    doconv.load_parameters(net, tmp_path / "a.params")
    doconv.fold(net)
    expected = published_torch_kernel(state["conv.W"], state["conv.D"], state["conv.d_diag"], groups)
    np.testing.assert_allclose(net[0].weight.data().asnumpy(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(net[0].bias.data().asnumpy(), state["conv.bias"])


def test_torch_batch_norm_and_dense_layers_come_along(tmp_path):
    rng = np.random.RandomState(0)
    norm = {f"bn.{name}": rng.rand(CHANNELS) for name in ("weight", "bias", "running_mean", "running_var")}
    dense = {"fc.weight": rng.randn(3, CHANNELS), "fc.bias": rng.randn(3)}
    state = {**torch_layer(rng, 1), **norm, "bn.num_batches_tracked": np.array(7), **dense}
    net = doconv_net(1)
    net.add(nn.BatchNorm(in_channels=CHANNELS), nn.GlobalAvgPool2D(), nn.Dense(3, in_units=CHANNELS))
    net.cast("float64")
    doconv.import_pytorch(state, tmp_path / "a.params", net)
    arrays = mx.nd.load(str(tmp_path / "a.params"))
    for name, torch_name in [("1.gamma", "bn.weight"), ("1.beta", "bn.bias"), ("3.weight", "fc.weight")]:
        np.testing.assert_array_equal(arrays[name].asnumpy(), state[torch_name])


def authors_state(constant):
    """As of the authors' PyTorch layer in one of its two files."""
    state = torch_layer(np.random.RandomState(0), 1)
    return {name.replace("d_diag", constant): value for name, value in state.items()}


@pytest.mark.parametrize("constant", ["d_diag", "D_diag"])
def test_torch_training_checkpoint_of_a_wrapped_network(constant, tmp_path):
    bare = authors_state("d_diag")
    wrapped = {f"module.{name}": value for name, value in authors_state(constant).items()}
    doconv.import_pytorch(bare, tmp_path / "bare.params", doconv_net(1))
    doconv.import_pytorch({"epoch": 3, "model": wrapped}, tmp_path / "wrapped.params", doconv_net(1))
    assert (tmp_path / "wrapped.params").read_bytes() == (tmp_path / "bare.params").read_bytes()


@pytest.mark.parametrize("constant", ["d_diag", "D_diag"])
def test_torch_identity_is_the_one_in_the_file(constant, tmp_path):
    """Another D + constant, for instance one that was trained, is another kernel."""
    state = authors_state(constant)
    state[f"conv.{constant}"] = state[f"conv.{constant}"] + 0.5
    net = doconv_net(1)
    doconv.import_pytorch(state, tmp_path / "a.params", net)
    net.initialize()
    doconv.load_parameters(net, tmp_path / "a.params")
    doconv.fold(net)
    kernel = published_torch_kernel(state["conv.W"], state["conv.D"], state[f"conv.{constant}"], 1)
    np.testing.assert_allclose(net[0].weight.data().asnumpy(), kernel, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("prefix", ["conv.", "module.", ""])
def test_torch_layer_alone_becomes_a_layer_alone(prefix, tmp_path):
    state = {name.replace("conv.", prefix): value for name, value in authors_state("D_diag").items()}
    layer = doconv.DOConv2D(CHANNELS, 3, in_channels=IN_CHANNELS)
    layer.cast("float64")
    doconv.import_pytorch(state, tmp_path / "a.params", layer)
    layer.initialize()
    layer.load_parameters(str(tmp_path / "a.params"))
    np.testing.assert_array_equal(layer.bias.data().asnumpy(), state[f"{prefix}bias"])


def test_torch_pairing_that_no_d_expresses_is_refused(tmp_path):
    with pytest.raises(doconv.DOConvError, match=r"conv has 2 groups of 4 output channels.*equation 4"):
        doconv.import_pytorch(torch_layer(np.random.RandomState(0), 2), tmp_path / "a.params", doconv_net(2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.update({"bn.weight": np.ones(8)}), "2 layers with parameters and .* has 1"),
        (lambda state: state.pop("conv.bias"), r"conv has no \['bias'\]"),
        (lambda state: state.update({"conv.gate": np.ones(8)}), "conv.gate: no known array"),
        (lambda state: state.update({"conv.bias": np.ones(7)}), r"conv.bias is \(7,\); 0.bias is \(8,\)"),
    ],
)
def test_a_torch_checkpoint_of_another_network_is_refused(change, message, tmp_path):
    state = torch_layer(np.random.RandomState(0), 1)
    change(state)
    with pytest.raises(doconv.DOConvError, match=message):
        doconv.import_pytorch(state, tmp_path / "a.params", doconv_net(1))
    assert list(tmp_path.iterdir()) == []


def test_a_plain_file_is_no_published_checkpoint(tmp_path):
    mx.nd.save(str(tmp_path / "a.params"), {"0.weight": mx.nd.ones((8, 4, 3, 3))})
    with pytest.raises(doconv.DOConvError, match="has no D beside any weight"):
        doconv.import_published(tmp_path / "a.params", tmp_path / "b.params")

"""The paper's figures: what is drawn, against loops over a checkpoint's arrays, and that it is drawn."""

import re
from dataclasses import replace

import gluon_doconv as doconv
from gluon_doconv.cli import main
from gluon_doconv.core import kernel
from gluon_doconv.lab.figures import kernels

import mxnet as mx
import numpy as np
import pytest
from cases import cases
from click.testing import CliRunner
from hypothesis import given, settings
from matplotlib.figure import Figure
from networks import images, perturb, small


def composed_by_definition(weight, d, o, i, m, channel):
    """W'[o, i, m] with the stored D' = D − I, summed up one by one."""
    patch, d_mul, _ = d.shape
    total = 0.0
    for s in range(d_mul):
        identity = float(s % patch == m and s < max(1, d_mul // patch) * patch)
        total += (d[m, s, channel] + identity) * weight[o, i, s]
    return total


@settings(max_examples=20)
@given(cases())
def test_the_heat_map_is_its_definition(case):
    arrays = case.arrays()
    d = arrays["D"].reshape(case.patch, case.columns, case.in_channels)
    weight = arrays["weight"].reshape(case.channels, case.in_per_group, case.columns)
    expected = np.zeros(case.patch)
    for o, i, m in np.ndindex(case.channels, case.in_per_group, case.patch):
        channel = o // case.out_per_group * case.in_per_group + i
        with_d = composed_by_definition(weight, d, o, i, m, channel)
        without = composed_by_definition(weight, np.zeros_like(d), o, i, m, channel)
        expected[m] += abs(with_d - without)
    heat = kernel.heat_map(arrays["weight"], d, case.kernel_size)
    np.testing.assert_allclose(heat, expected.reshape(case.kernel_size), rtol=1e-10)


def test_the_heat_map_of_the_paper():
    """Σ|W′ − W| where D_mul = M·N."""
    random = np.random.default_rng(0)
    weight, d = random.normal(size=(5, 4, 3, 3)), random.normal(size=(9, 9, 4))
    expected = np.abs(kernel.compose(weight, d, (3, 3)) - weight).sum(axis=(0, 1))
    np.testing.assert_allclose(kernel.heat_map(weight, d, (3, 3)), expected)


@pytest.fixture(params=["save_parameters", "export"])
def checkpoint(request, tmp_path):
    net = small()
    net(images())
    doconv.over_parameterize(net)
    perturb(net)
    if request.param == "save_parameters":
        net.save_parameters(str(tmp_path / "net.params"))
        return net, tmp_path / "net.params"
    net.hybridize()
    net(images())
    net.export(str(tmp_path / "net"))
    return net, tmp_path / "net-0000.params"


def test_layers_of_a_checkpoint(checkpoint):
    net, path = checkpoint
    layers = kernels.read_layers(path)
    assert [layer.heat.shape for layer in layers] == [(3, 3), (3, 3), (1, 3)]
    for layer, block in zip(layers, (net[0], net[3], net[4])):
        weight, d = block.weight.data().asnumpy(), block.D.data().asnumpy()
        folded = kernel.compose(weight.astype("float64"), d.astype("float64"), layer.heat.shape)
        np.testing.assert_array_equal(layer.weight, weight)
        np.testing.assert_array_equal(layer.d, d)
        np.testing.assert_array_equal(layer.folded, folded)
        assert layer.relative == pytest.approx(np.abs(folded - weight).sum() / np.abs(weight).sum())
        assert layer.heat.min() > 0


def test_tiles_lie_in_rows_as_nearly_square_as_they_go():
    tiled = kernels._tiles(np.arange(3.0)[:, None, None] * np.ones((1, 2, 2)))
    nan = np.nan
    np.testing.assert_array_equal(
        tiled, [[0, 0, nan, 1, 1], [0, 0, nan, 1, 1], [nan] * 5, [2, 2, nan, nan, nan], [2, 2, nan, nan, nan]]
    )


def test_kernels_of_any_number_of_axes_are_flat():
    volume = np.arange(8).reshape(2, 2, 2)
    np.testing.assert_array_equal(kernels._flat(volume), [[0, 1, 4, 5], [2, 3, 6, 7]])
    assert kernels._flat(np.arange(3)).shape == (1, 3)


@pytest.fixture
def drawn(monkeypatch):
    """The axes of the figure that was saved last."""
    found = []
    save = Figure.savefig

    def savefig(figure, *args, **kwargs):
        found[:] = figure.axes
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found


def test_every_array_stands_in_its_column(checkpoint, drawn, tmp_path):
    net, path = checkpoint
    kernels.draw_kernels(kernels.read_layers(path), tmp_path / "kernels.png", "")
    titles = [ax.get_title() for ax in drawn]
    assert titles == ["W", "D", "D − I", "W′", "H = Σ|W′ − W|"] + [""] * 10
    weight, d = (array.data().asnumpy().astype("float64") for array in (net[0].weight, net[0].D))
    folded = kernel.compose(weight, d, (3, 3))
    pictures = [ax.images[0] for ax in drawn[:5]]
    corners = [picture.get_array()[:size, :size] for picture, size in zip(pictures, (3, 9, 9, 3, 3))]
    expected = weight[0, 0], d[..., 0] + np.eye(9), d[..., 0], folded[0, 0], np.abs(folded - weight).sum((0, 1))
    for corner, array in zip(corners, expected):
        np.testing.assert_allclose(corner, array, rtol=1e-6)
    assert (
        pictures[0].get_clim()
        == pictures[3].get_clim()
        == (
            min(weight.min(), folded.min()),
            max(weight.max(), folded.max()),
        )
    )


@pytest.mark.parametrize("factor", [0.5, 2])
def test_both_kernels_have_the_colours_of_one_scale(factor, checkpoint, drawn, tmp_path):
    layer = kernels.read_layers(checkpoint[1])[0]
    layer = replace(layer, folded=factor * layer.weight)
    kernels.draw_kernels([layer], tmp_path / "kernels.png", "")
    widest = max(1, factor) * layer.weight
    for column in (0, 3):
        assert drawn[column].images[0].get_clim() == (widest.min(), widest.max())


def test_heat_maps_stand_in_the_order_of_the_layers(checkpoint, drawn, tmp_path):
    layers = kernels.read_layers(checkpoint[1])
    kernels.draw_heat_maps(layers, tmp_path / "heat.png", "")
    assert [ax.get_title() for ax in drawn] == [layer.name for layer in layers]
    for ax, layer in zip(drawn, layers):
        np.testing.assert_array_equal(ax.images[0].get_array(), layer.heat)
        share = np.abs(layer.folded - layer.weight).sum() / np.abs(layer.weight).sum()
        assert ax.get_xlabel() == f"{100 * share:.1f}%"
        written = [float(text.get_text()) for text in ax.texts]
        np.testing.assert_allclose(written, layer.heat.ravel(), rtol=0.05)


@pytest.mark.parametrize("d_mul", [None, 12])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_any_layer_can_be_drawn(tmp_path, axes, d_mul):
    layer = {1: doconv.DOConv1D, 2: doconv.DOConv2D, 3: doconv.DOConv3D}[axes](
        4, (3,) if axes == 1 else 2, in_channels=3, d_mul=d_mul
    )
    layer.initialize()
    layer.save_parameters(str(tmp_path / "layer.params"))
    found = kernels.read_layers(tmp_path / "layer.params")
    kernels.draw_kernels(found, tmp_path / "kernels.png", "")
    kernels.draw_heat_maps(found, tmp_path / "heat.png", "")
    assert (tmp_path / "kernels.png").read_bytes().startswith(b"\x89PNG")
    assert found[0].heat.max() == 0  # D has not moved yet


def test_a_former_file_does_not_tell_every_kernel(tmp_path):
    arrays = {"0.weight": mx.nd.ones((4, 3, 12)), "0.D": mx.nd.zeros((3, 12, 3))}
    mx.nd.save(str(tmp_path / "former.params"), arrays)
    with pytest.raises(doconv.DOConvError, match=r"0: a D of shape \(3, 12, 3\).* does not tell M and N"):
        kernels.read_layers(tmp_path / "former.params")


def test_the_command_draws_both_pictures(checkpoint):
    _, path = checkpoint
    result = CliRunner().invoke(main, ["figure", "kernels", str(path)])
    assert result.exit_code == 0, result.output
    pictures = [path.with_name(f"{path.stem}-{name}.png") for name in ("kernels", "heat-maps")]
    assert result.output.split() == [str(picture) for picture in pictures]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--layers", "nothing"], "no DO-Conv layer of .* matches 'nothing'; there are (0, 3, 4|small_conv0)"),
        (["--output", "no/such/folder/x"], "folder no/such/folder does not exist"),
    ],
)
def test_mistakes_are_explained(checkpoint, arguments, message):
    result = CliRunner().invoke(main, ["figure", "kernels", str(checkpoint[1]), *arguments])
    assert result.exit_code == 1
    assert re.search(message, result.output)


def test_a_plain_checkpoint_has_nothing_to_show(tmp_path):
    net = small()
    net(images())
    net.save_parameters(str(tmp_path / "plain.params"))
    with pytest.raises(doconv.DOConvError, match="has no D beside any weight"):
        kernels.read_layers(tmp_path / "plain.params")

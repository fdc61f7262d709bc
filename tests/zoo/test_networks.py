"""The networks GluonCV lacks: depth, parameters and shapes as the papers they come from have them."""

import json
import os
import subprocess
import sys
from collections import Counter

import gluon_doconv as doconv
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.core.selection import stages_of
from gluon_doconv.zoo import networks

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model, get_model_list
from mxnet.gluon import nn
from networks import ds, initialized, perturb

pytestmark = pytest.mark.slow

SIZE = {"cifar_plain20_v1": 32, "plain18_v1": 224, "cifar_resnet164_v1": 32, "cifar_resnet164_v2": 32}
# He et al., arXiv 1512.03385, tables 1 and 6, and arXiv 1603.05027, table 4: layers, parameters in millions
PAPERS = {
    "cifar_plain20_v1": (20, 0.27),
    "plain18_v1": (18, 11.5),
    "cifar_resnet164_v1": (164, 1.7),
    "cifar_resnet164_v2": (164, 1.7),
}
# 3×3 convolutions by stage; 0 is the stem
STAGES = {
    "cifar_plain20_v1": {0: 1, 1: 6, 2: 6, 3: 6},
    "plain18_v1": {0: 1, 1: 4, 2: 4, 3: 4, 4: 4},
    "cifar_resnet164_v1": {0: 1, 1: 18, 2: 18, 3: 18},
    "cifar_resnet164_v2": {0: 1, 1: 18, 2: 18, 3: 18},
}
NAMES = sorted(PAPERS)


@pytest.fixture(autouse=True)
def registered():
    doconv.register()
    yield
    doconv.unregister()


def graph_of(net):
    return json.loads(net(mx.sym.var("data")).tojson())["nodes"]


def layers_on_the_longest_path(nodes):
    """Weighted layers from the image to the classes; a projection shortcut lies on no longest path."""
    depth = []
    for node in nodes:
        below = max((depth[source[0]] for source in node["inputs"]), default=0)
        depth.append(below + (node["op"] in ("Convolution", "FullyConnected")))
    return depth[-1]


def trained_numbers(net):
    return sum(p.data().size for p in net.collect_params().values() if p.grad_req != "null")


@pytest.mark.parametrize("name", NAMES)
def test_depth_and_parameters_are_those_of_the_papers(name):
    layers, millions = PAPERS[name]
    net = initialized(get_model(name))
    assert net(mx.nd.zeros((1, 3, 32, 32))).shape == (1, 1000 if name == "plain18_v1" else 10)
    assert layers_on_the_longest_path(graph_of(net)) == layers
    digits = len(str(millions).split(".")[1])
    assert round(trained_numbers(net) / 1e6, digits) == millions


def test_parameters_by_hand():
    """Kernels, two numbers a channel for each BatchNorm, and the classifier."""

    def plain(widths, blocks, stem_kernel, classes):
        convolutions = [(3, widths[0], stem_kernel)]
        for before, width in zip(widths, widths[1:]):
            convolutions += [(before, width, 9)] + [(width, width, 9)] * (2 * blocks - 1)
        counted = sum(i * o * patch + 2 * o for i, o, patch in convolutions)
        return counted + (widths[-1] + 1) * classes

    for name, expected in (
        ("cifar_plain20_v1", plain([16, 16, 32, 64], 3, 9, 10)),
        ("plain18_v1", plain([64, 64, 128, 256, 512], 2, 49, 1000)),
    ):
        net = initialized(get_model(name))
        net(mx.nd.zeros((1, 3, 32, 32)))
        assert trained_numbers(net) == expected


@pytest.mark.parametrize("name", NAMES)
def test_shapes_are_those_of_the_papers(name):
    """Maps and channels at the end of the stem and of every stage."""
    net = get_model(name)
    size = SIZE[name]
    out = net(mx.sym.var("data")).get_internals()
    _, shapes, _ = out.infer_shape_partial(data=(1, 3, size, size))
    maps = {
        shape[2]
        for name, shape in zip(out.list_outputs(), shapes)
        if name.endswith("_fwd_output") and len(shape) == 4
    }
    if name == "plain18_v1":
        assert maps == {112, 56, 28, 14, 7, 1}
    else:
        assert maps == {32, 16, 8, 1}
    ends = Counter(
        shape[1:3]
        for name, shape in zip(out.list_outputs(), shapes)
        if name.endswith(("_fwd_output", "_plus0_output")) and len(shape) == 4
    )
    expected = {
        "cifar_plain20_v1": [(16, 32), (32, 16), (64, 8)],
        "plain18_v1": [(64, 112), (64, 56), (128, 28), (256, 14), (512, 7)],
        "cifar_resnet164_v1": [(16, 32), (64, 32), (128, 16), (256, 8)],
        "cifar_resnet164_v2": [(16, 32), (64, 32), (128, 16), (256, 8)],
    }[name]
    assert all(ends[end] for end in expected)


@pytest.mark.parametrize("name", ["cifar_plain20_v1", "plain18_v1"])
def test_a_plain_network_is_the_residual_one_without_its_shortcuts(name):
    """Same names of layers, but for the projections; no sum of two maps; the body computes what it says."""
    residual = get_model(name.replace("plain", "resnet"))
    net = initialized(get_model(name))
    assert not any("add" in node["op"] or "plus" in node["op"].lower() for node in graph_of(net))
    shapes = {n: p.shape for n, p in residual._collect_params_with_prefix().items() if "downsample" not in n}
    net(mx.nd.zeros((1, 3, 32, 32)))
    residual = initialized(residual)
    residual(mx.nd.zeros((1, 3, 32, 32)))
    own = {n: p.shape for n, p in net._collect_params_with_prefix().items()}
    assert own == {n: p.shape for n, p in residual._collect_params_with_prefix().items() if n in shapes}


@pytest.mark.parametrize("name", NAMES)
def test_stages_can_be_selected(name):
    net = get_model(name)
    stages = [
        stage
        for convolution, stage in zip(find_convolutions(net), stages_of(find_convolutions(net)))
        if not convolution.obstacle
    ]
    assert dict(Counter(stages)) == STAGES[name]
    report = doconv.over_parameterize(net, stages=[0, 2])
    assert len(report.changed) == STAGES[name][0] + STAGES[name][2]


@pytest.mark.parametrize("name", NAMES)
def test_doconv_beside_it(name):
    spatial = sum(STAGES[name].values())
    net = initialized(get_model(f"{name}_doconv", classes=7))
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    net(x)
    assert len(ds(net)) == spatial
    perturb(net)
    unfolded = net(x).asnumpy()
    doconv.fold(net)
    assert unfolded.shape == (2, 7)
    np.testing.assert_array_equal(net(x).asnumpy(), unfolded)


@pytest.mark.parametrize("name, way", list(zip(NAMES, ("get_model", "factory", "get_model", "factory"))))
def test_built_under_the_patch(name, way):
    with doconv.patched(stages=[1]) as patch:
        net = get_model(name) if way == "get_model" else networks.NETWORKS[name]()
    assert [built.doconv for built in patch.built] == [STAGES[name][1]]
    assert len(ds(net)) == STAGES[name][1]


def test_unregister_leaves_gluoncv_as_it_was():
    doconv.unregister()
    before = get_model_list()
    doconv.register()
    assert set(NAMES) < set(get_model_list())
    doconv.unregister()
    assert get_model_list() == before
    with pytest.raises(ValueError):
        get_model("plain18_v1")


def test_pretrained_weights_come_from_a_folder(tmp_path, monkeypatch):
    from gluoncv.model_zoo import model_store

    net = initialized(get_model("cifar_plain20_v1"))
    x = mx.nd.random.normal(shape=(1, 3, 32, 32))
    expected = net(x).asnumpy()
    net.save_parameters(str(tmp_path / "cifar_plain20_v1.params"))
    monkeypatch.setattr(model_store, "get_model_file", lambda name, **_: str(tmp_path / f"{name}.params"))
    np.testing.assert_array_equal(get_model("cifar_plain20_v1", pretrained=True)(x).asnumpy(), expected)


@pytest.mark.parametrize("option", [[], ["--off"]])
def test_a_script_finds_them(tmp_path, option):
    script = tmp_path / "script.py"
    script.write_text(
        "from gluoncv.model_zoo import get_model\n"
        "names = get_model('cifar_plain20_v1').collect_params()\n"
        "print(sum(name.endswith('_D') for name in names))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "gluon_doconv", "run", *option, str(script)],
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == ("0" if option else "19")


def test_the_block_computes_its_body():
    block = initialized(networks.CIFARPlainBlockV1(4, 2, True, in_channels=3))
    x = mx.nd.random.normal(shape=(2, 3, 8, 8))
    first, _, _, second, _ = block.body
    assert isinstance(first, nn.Conv2D) and first._kwargs["stride"] == (2, 2)
    expected = (
        second(mx.nd.relu(first(x) / (1 + 1e-5) ** 0.5)) / (1 + 1e-5) ** 0.5
    )  # BatchNorms that have seen nothing
    np.testing.assert_allclose(block(x).asnumpy(), mx.nd.relu(expected).asnumpy(), rtol=1e-4, atol=1e-6)

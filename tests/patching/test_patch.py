"""The patch over GluonCV: what it builds, what it loads, what it refuses, and that it leaves no trace."""

import re
import sys

import gluon_doconv as doconv
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.zoo.build import build

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import cifar_resnet20_v1, get_model
from gluoncv.model_zoo.resnetv1b import BasicBlockV1b, ResNetV1b
from gluoncv.model_zoo.segbase import get_segmentation_model
from mxnet.gluon import Block, Trainer
from mxnet.gluon.nn.conv_layers import _Conv

MODEL = "cifar_resnet20_v1"
HOOKED = [(_Conv, "__init__"), (Block, "load_parameters"), (Trainer, "__init__")]


def names_of_d(net):
    return [name for name in net.collect_params() if name.endswith("_D")]


def structural_names(net):
    """As in a parameter file, without the D; a SymbolBlock's begin with the counters of Gluon's naming."""
    names = (name for name in net._collect_params_with_prefix() if not name.endswith("D"))
    return [re.sub(r"(?<=[a-z])\d+_", "_", name) for name in names]


def trained_plain(tmp_path, x):
    net = get_model(MODEL)
    net.initialize(mx.init.Xavier())
    outputs = net(x).asnumpy()
    net.save_parameters(str(tmp_path / "plain.params"))
    return net, outputs


def perturb(net):
    for d in net.collect_params(".*_D$").values():
        d.set_data(mx.nd.random.normal(0, 0.1, shape=d.shape))


def spatial_convolutions_of_graph(net):
    """Counted in the stock network's own graph, with no code of this package."""
    import json

    out = net(mx.sym.var("data"))
    graph = mx.sym.Group(out) if isinstance(out, (list, tuple)) else out
    nodes = json.loads(graph.tojson())["nodes"]
    kernels = {
        nodes[node["inputs"][1][0]]["name"]: node["attrs"]["kernel"]
        for node in nodes
        if node["op"] == "Convolution"
    }
    return sum(set(kernel) - set("(1, )") != set() for kernel in kernels.values())


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        (MODEL, {}),
        ("resnext50_32x4d", {}),
        ("mobilenetv3_small", {}),
        ("resnest14", {}),
        ("se_resnet18_v1", {}),
        ("ssd_512_mobilenet1.0_voc", {"pretrained_base": False}),
        ("yolo3_mobilenet1.0_voc", {"pretrained_base": False}),
        ("faster_rcnn_fpn_resnet50_v1b_coco", {"pretrained_base": False}),
        ("deeplab_resnet50_citys", {"pretrained_base": False}),
    ],
)
def test_every_spatial_convolution_has_a_d_and_every_name_stays(name, kwargs):
    plain = get_model(name, **kwargs)
    with doconv.patched() as patch:
        net = get_model(name, **kwargs)
    spatial = [convolution for convolution in find_convolutions(plain) if convolution.obstacle is None]
    assert len(names_of_d(net)) == len(spatial) == patch.built[-1].doconv
    assert len(patch.built) == 1
    assert structural_names(net) == structural_names(plain)


def test_gluon_names_stay_too():
    plain = get_model(MODEL, prefix="net_")
    with doconv.patched():
        net = get_model(MODEL, prefix="net_")
    assert [name for name in net.collect_params() if not name.endswith("_D")] == list(plain.collect_params())


@pytest.mark.parametrize("name", [MODEL, "mobilenetv2_0.25", "ssd_512_mobilenet1.0_voc"])
def test_the_number_of_d_is_counted_in_the_graph(name):
    kwargs = {"pretrained_base": False} if "ssd" in name else {}
    expected = spatial_convolutions_of_graph(get_model(name, **kwargs))
    with doconv.patched():
        assert len(names_of_d(get_model(name, **kwargs))) == expected


def test_factories_imported_before_the_patch_and_other_ways_in():
    with doconv.patched() as patch:
        assert len(names_of_d(cifar_resnet20_v1())) == 19
        segmentation = get_segmentation_model(
            model="deeplab", dataset="citys", backbone="resnet50", pretrained_base=False, crop_size=96
        )
    assert len(names_of_d(segmentation)) == 24
    assert len(patch.built) == 2


def test_undoing_restores_object_for_object():
    before = [getattr(owner, name) for owner, name in HOOKED]
    with doconv.patched():
        get_model(MODEL)
        assert [getattr(owner, name) for owner, name in HOOKED] != before
    assert [getattr(owner, name) for owner, name in HOOKED] == before
    assert sys.getprofile() is None
    assert not doconv.is_patched()
    assert names_of_d(get_model(MODEL)) == []


def test_patching_twice_and_unpatching_twice_say_so():
    first = doconv.patch()
    with pytest.warns(doconv.DOConvWarning, match="patched already"):
        assert doconv.patch(stages=[1]) is first
    doconv.unpatch()
    with pytest.warns(doconv.DOConvWarning, match="not patched"):
        doconv.unpatch()


def test_plain_and_doconv_files_load_as_scripts_load_them(tmp_path):
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    _, outputs = trained_plain(tmp_path, x)
    with doconv.patched():
        net = get_model(MODEL)
        net.load_parameters(str(tmp_path / "plain.params"))
        np.testing.assert_array_equal(net(x).asnumpy(), outputs)
        perturb(net)
        trained = net(x).asnumpy()
        net.save_parameters(str(tmp_path / "doconv.params"))
        resumed = get_model(MODEL)
        resumed.load_parameters(str(tmp_path / "doconv.params"))
    assert np.abs(trained - outputs).max() > 1e-3
    np.testing.assert_array_equal(resumed(x).asnumpy(), trained)


def test_a_doconv_file_brings_its_d_where_the_selection_has_none(tmp_path):
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    with doconv.patched():
        net = get_model(MODEL)
    net.initialize(mx.init.Xavier())
    net(x)
    perturb(net)
    net.save_parameters(str(tmp_path / "doconv.params"))
    with doconv.patched(stages=[0]):
        other = get_model(MODEL)
        assert len(names_of_d(other)) == 1
        other.load_parameters(str(tmp_path / "doconv.params"))
    np.testing.assert_array_equal(other(x).asnumpy(), net(x).asnumpy())


def test_any_other_missing_name_is_the_error_it_was(tmp_path):
    arrays = {"features.0.weight": mx.nd.zeros((16, 3, 3, 3))}
    mx.nd.save(str(tmp_path / "part.params"), arrays)
    with pytest.raises(AssertionError) as stock:
        get_model(MODEL).load_parameters(str(tmp_path / "part.params"))
    with doconv.patched(), pytest.raises(AssertionError) as patched:
        get_model(MODEL).load_parameters(str(tmp_path / "part.params"))
    assert str(patched.value).split(" in file")[0] == str(stock.value).split(" in file")[0]


@pytest.mark.parametrize(
    ("selection", "count"),
    [({"stages": [0]}, 1), ({"stages": [0, 2]}, 7), ({"include": "stage3"}, 6), ({"exclude": "stage"}, 1)],
)
def test_selection(selection, count):
    with doconv.patched(**selection):
        assert len(names_of_d(get_model(MODEL))) == count


def test_backbone_and_head_are_parts_of_a_whole():
    counts = {}
    for part in ("backbone", "head", None):
        with doconv.patched(part=part):
            counts[part] = set(
                names_of_d(get_model("faster_rcnn_fpn_resnet50_v1b_coco", pretrained_base=False))
            )
    assert len(counts["backbone"]) == 17 and len(counts["head"]) == 6 and len(counts[None]) == 23
    assert any("rpn" in name for name in counts["head"]) and any("P2" in name for name in counts["head"])


def test_an_error_of_a_networks_own_stays_the_error():
    with doconv.patched(include="layers4") as patch:
        with pytest.raises(TypeError, match="integer"):
            ResNetV1b(BasicBlockV1b, [1, 1, "one", 1])
        assert not patch.built and sys.getprofile() is None
        ResNetV1b(BasicBlockV1b, [1, 1, 1, 1])
    assert [(built.name, built.doconv) for built in patch.built] == [("ResNetV1b", 2)]


def test_nothing_matched_stops_where_the_network_is_built():
    with pytest.raises(doconv.DOConvError, match=r"matches no convolution.*features\.0"), doconv.patched(
        include="xyz"
    ):
        get_model(MODEL)
    assert sys.getprofile() is None


def test_a_patch_without_effect_stops():
    with pytest.raises(doconv.DOConvError, match="built no network"), doconv.patched():
        pass


def test_a_trainer_without_any_d_is_refused():
    early = get_model(MODEL)
    early.initialize()
    with doconv.patched():
        net = get_model(MODEL)
        net.initialize()
        Trainer(net.collect_params(), "sgd")
        with pytest.raises(doconv.DOConvError, match=r"no D\. The network was built before .*far: cifarresnet"):
            Trainer(early.collect_params(), "sgd")


def test_a_profiler_that_runs_already_goes_on():
    events = []

    def profiler(frame, event, value):
        events.append(event)

    sys.setprofile(profiler)
    try:
        with doconv.patched():
            net = get_model(MODEL)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert len(names_of_d(net)) == 19 and len(events) > 1000


def test_registered_names():
    doconv.register()
    try:
        assert len(names_of_d(get_model("resnet18_v1b_doconv"))) == 17
        assert names_of_d(get_model("resnet18_v1b")) == []
        assert doconv.register() is doconv.register()
        with pytest.warns(doconv.DOConvWarning, match="registered already"):
            doconv.register(stages=[1])
    finally:
        doconv.unregister()
    with pytest.raises(ValueError):
        get_model("resnet18_v1b_doconv")


def test_registered_names_with_a_selection():
    registered = doconv.register(stages=[1], d_mul=16)
    try:
        net = get_model(f"{MODEL}_doconv")
    finally:
        doconv.unregister()
    assert [p.shape[:2] for p in net.collect_params(".*_D$").values()] == [(9, 16)] * 6
    assert [built.doconv for built in registered.built] == [6]


def test_a_registered_network_loads_plain_files(tmp_path):
    x = mx.nd.random.normal(shape=(2, 3, 32, 32))
    _, outputs = trained_plain(tmp_path, x)
    doconv.register()
    try:
        net = get_model(f"{MODEL}_doconv")
        net.load_parameters(str(tmp_path / "plain.params"))
    finally:
        doconv.unregister()
    np.testing.assert_array_equal(net(x).asnumpy(), outputs)
    assert len(names_of_d(net)) == 19


@pytest.mark.parametrize("first", ["patch", "register"])
def test_patch_and_register_are_undone_in_any_order(first):
    before = [getattr(owner, name) for owner, name in HOOKED]
    undo = {"patch": doconv.unpatch, "register": doconv.unregister}
    doconv.register()
    doconv.patch()
    undo.pop(first)()
    assert Block.load_parameters is not before[1]
    undo.popitem()[1]()
    assert [getattr(owner, name) for owner, name in HOOKED] == before


def test_networks_that_insist_on_being_told_the_default_are_built():
    assert len(build("resnext101e_64x4d").collect_params(".*_weight").keys()) == 107

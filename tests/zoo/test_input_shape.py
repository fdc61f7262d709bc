"""Which input a network of the zoo is made for: what GluonCV's papers, scripts and model tables say."""

from types import SimpleNamespace

import gluon_doconv as doconv
from gluon_doconv.errors import DOConvError
from gluon_doconv.zoo.build import build
from gluon_doconv.zoo.input_shape import input_shape

import mxnet as mx
import pytest
from gluoncv.model_zoo import model_store
from networks import require_in_zoo

BUILT = {
    "cifar_resnet20_v2": (1, 3, 32, 32),
    "cifar_plain20_v1": (1, 3, 32, 32),
    "resnet18_v1b": (1, 3, 224, 224),
    "resnet18_v1b_0.89": (1, 3, 224, 224),  # pruned: its shapes are lists
    "darknet53": (1, 3, 224, 224),
    "inceptionv3": (1, 3, 299, 299),
    "mobilenetv3_small": (1, 3, 224, 224),
    "ssd_300_mobilenet0.25_voc": (1, 3, 300, 300),
    "ssd_512_mobilenet1.0_voc": (1, 3, 512, 512),
    "yolo3_mobilenet0.25_voc": (1, 3, 416, 416),
    "fcn_resnet50_voc": (1, 3, 480, 480),
    "fastscnn_citys": (1, 3, 1024, 1024),
    "mobile_pose_mobilenet1.0": (1, 3, 256, 192),
    "c3d_kinetics400": (1, 3, 16, 112, 112),
    "center_net_resnet18_v1b_voc": (1, 3, 512, 512),
}


@pytest.mark.parametrize("model", BUILT)
def test_a_network_is_counted_whole_at_its_own_size(model):
    require_in_zoo(model)
    net = build(model)
    shape = input_shape(model, net)
    assert shape == BUILT[model]
    doconv.over_parameterize(net)
    layers = doconv.summary(net, shape).layers
    assert all(layer.channels[0] for layer in layers)
    assert all(layer.maccs.plain > 0 for layer in layers if not layer.note)


@pytest.mark.parametrize(
    ("model", "known", "shape"),
    [
        ("faster_rcnn_resnet50_v1b_voc", {"short": 600, "max_size": 1000}, (1, 3, 600, 1000)),
        ("mask_rcnn_resnet50_v1b_coco", {"short": (640, 800), "max_size": 1333}, (1, 3, 800, 1333)),
        ("slowfast_4x16_resnet50_kinetics400", {"fast_frames": 32, "slow_frames": 4}, (1, 3, 36, 224, 224)),
        ("danet_resnet50_citys", {"crop_size": 768}, (1, 3, 768, 768)),
    ],
)
def test_a_network_that_knows_its_size_is_asked(model, known, shape):
    assert input_shape(model, SimpleNamespace(**known)) == shape


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("resnest50", (224, 224)),
        ("resnest269", (416, 416)),
        ("NASNet_6_4032", (331, 331)),
        ("i3d_inceptionv3_kinetics400", (32, 224, 224)),
        ("i3d_slow_resnet101_f16s4_kinetics700", (16, 224, 224)),
        ("inceptionv3_ucf101", (299, 299)),
        ("monodepth2_resnet18_kitti_mono_640x192", (192, 640)),
    ],
)
def test_the_name_tells_the_size(model, size):
    assert input_shape(model, mx.gluon.nn.HybridSequential()) == (1, 3, *size)


@pytest.mark.slow
def test_classes_are_a_number_whatever_the_factory_wants():
    net = build("ssd_300_mobilenet0.25_custom", classes=3)
    assert len(net.classes) == 3
    assert build("resnet18_v1b", classes=7).fc._units == 7


def test_a_network_whose_classes_nobody_says_is_refused():
    with pytest.raises(DOConvError, match=r"does not build ssd_300_mobilenet0\.25_custom .*'classes'"):
        build("ssd_300_mobilenet0.25_custom")


def test_a_network_that_needs_its_base_is_refused_and_nothing_is_downloaded(monkeypatch):
    asked = []
    monkeypatch.setattr(model_store, "get_model_file", lambda *given, **_: asked.append(given))
    with pytest.raises(DOConvError, match="inceptionv1_ucf101 without its pretrained base"):
        build("inceptionv1_ucf101")
    assert not asked

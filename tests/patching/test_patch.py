"""What the patch builds: a D in every spatial convolution that was chosen, and every name as it was."""

import re

import gluon_doconv as doconv
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.zoo.build import build

import pytest
from gluoncv.model_zoo import get_model
from networks import names_of_d, require_in_zoo
from oracle import spatial_convolutions_of

MODEL = "cifar_resnet20_v1"


def structural_names(net):
    """As in a parameter file, without the D; a SymbolBlock's begin with the counters of Gluon's naming."""
    names = (name for name in net._collect_params_with_prefix() if not name.endswith("D"))
    return [re.sub(r"(?<=[a-z])\d+_", "_", name) for name in names]


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
    require_in_zoo(name)
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


@pytest.mark.slow
@pytest.mark.parametrize("name", [MODEL, "mobilenetv2_0.25", "ssd_512_mobilenet1.0_voc"])
def test_the_number_of_d_is_counted_in_the_graph(name):
    kwargs = {"pretrained_base": False} if "ssd" in name else {}
    expected = len(spatial_convolutions_of(get_model(name, **kwargs)))
    with doconv.patched():
        assert len(names_of_d(get_model(name, **kwargs))) == expected


@pytest.mark.parametrize(
    ("selection", "count"),
    [({"stages": [0]}, 1), ({"stages": [0, 2]}, 7), ({"include": "stage3"}, 6), ({"exclude": "stage"}, 1)],
)
def test_selection(selection, count):
    with doconv.patched(**selection):
        assert len(names_of_d(get_model(MODEL))) == count


@pytest.mark.slow
def test_backbone_and_head_are_parts_of_a_whole():
    counts = {}
    for part in ("backbone", "head", None):
        with doconv.patched(part=part):
            counts[part] = set(
                names_of_d(get_model("faster_rcnn_fpn_resnet50_v1b_coco", pretrained_base=False))
            )
    assert len(counts["backbone"]) == 17 and len(counts["head"]) == 6 and len(counts[None]) == 23
    assert any("rpn" in name for name in counts["head"]) and any("P2" in name for name in counts["head"])


def test_networks_that_insist_on_being_told_the_default_are_built():
    require_in_zoo("resnext101e_64x4d")
    assert len(build("resnext101e_64x4d").collect_params(".*_weight").keys()) == 107

"""Which convolutions a selection chooses, and what it says if it chooses none."""

import re

import gluon_doconv as doconv
from gluon_doconv.core.config import DOConvConfig
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.core.selection import reasons, stages_of

import numpy as np
import pytest
from gluoncv import model_zoo
from mxnet.gluon import nn
from networks import require_in_zoo, small


def chosen(net, **selection):
    convolutions = find_convolutions(net)
    found = reasons(DOConvConfig(**selection), convolutions)
    return [convolution.name for convolution, reason in zip(convolutions, found) if reason is None]


@pytest.mark.parametrize(
    "selection, names",
    [
        ({}, ["0", "3", "4"]),
        ({"include": "^3$"}, ["3"]),
        ({"include": ["^3$", "^4$"]}, ["3", "4"]),
        ({"include": re.compile("^3$")}, ["3"]),
        ({"include": "small_conv1"}, ["3"]),  # the layer's own name
        ({"include": "conv[02]$"}, ["0", "4"]),
        ({"exclude": "conv0"}, ["3", "4"]),
        ({"exclude": ["^0$", "conv2"]}, ["3"]),
        ({"include": "conv", "exclude": "conv1"}, ["0", "4"]),
        ({"include": []}, ["0", "3", "4"]),
    ],
)
def test_names(selection, names):
    assert chosen(small(), **selection) == names


STAGES = {
    "cifar_resnet20_v1": {0: 1, 1: 6, 2: 7, 3: 7},
    "cifar_resnet20_v2": {0: 1, 1: 6, 2: 7, 3: 7},
    "cifar_wideresnet16_10": {0: 1, 1: 5, 2: 5, 3: 5},
    "resnet18_v1": {0: 1, 1: 4, 2: 5, 3: 5, 4: 5},
    "resnet18_v2": {0: 1, 1: 4, 2: 5, 3: 5, 4: 5},
    "resnet18_v1b": {0: 1, 1: 4, 2: 5, 3: 5, 4: 5},
    "resnet50_v1s": {0: 3, 1: 10, 2: 13, 3: 19, 4: 10},  # a stem of three, downsampling in its stage
    "resnest14": {0: 3, 1: 6, 2: 6, 3: 6, 4: 6},
    "resnext50_32x4d": {0: 1, 1: 10, 2: 13, 3: 19, 4: 10},
    "mobilenetv2_0.25": {None: 53},
    "cifar_residualattentionnet56": {None: 93},  # numbers its blocks, not its stages
}


@pytest.mark.parametrize("name", STAGES)
def test_stages_are_those_of_the_paper(name):
    """Counted by hand: two or three convolutions a block, one more where a stage changes the width."""
    require_in_zoo(name)
    stages = stages_of(find_convolutions(model_zoo.get_model(name)))
    assert {stage: stages.count(stage) for stage in stages} == STAGES[name]
    assert stages == sorted(stages, key=str)


def test_a_head_belongs_to_no_stage():
    net = model_zoo.get_model("fcn_resnet50_voc", pretrained_base=False)
    stages = dict(
        zip((convolution.name for convolution in find_convolutions(net)), stages_of(find_convolutions(net)))
    )
    assert stages["conv1.0"] == 0
    assert stages["layer4.2.conv2"] == 4
    assert stages["head.block.0"] is None


@pytest.mark.parametrize(
    "stages, names",
    [
        (0, ["features.0"]),
        (np.int64(0), ["features.0"]),
        ([0], ["features.0"]),
        ({0, 9}, ["features.0"]),
        (range(1), ["features.0"]),
    ],
)
def test_stages_as_a_person_writes_them(stages, names):
    assert chosen(model_zoo.get_model("cifar_resnet20_v1"), stages=stages) == names


def test_stages_and_names_both_have_to_agree():
    net = model_zoo.get_model("cifar_resnet20_v1")
    assert chosen(net, stages=[2, 3], include=r"\.0\.body\.0") == ["features.3.0.body.0", "features.4.0.body.0"]


def test_a_report_gives_the_reason():
    net = model_zoo.get_model("cifar_resnet20_v1")
    skipped = doconv.over_parameterize(net, stages=[1, 2], exclude=r"features\.2\.0\.body\.3").skipped
    assert skipped["features.0"] == "in stage 0"
    assert skipped["features.2.0.body.3"] == "excluded"
    assert skipped["features.3.0.downsample.0"] == "pointwise"


@pytest.mark.parametrize(
    "selection, message",
    [
        ({"include": "smal_conv1"}, "small_conv1"),
        ({"exclude": "."}, "3 that could be chosen, for instance 0, 3, 4"),
        ({"include": "conv3"}, "matches no convolution"),  # the pointwise one
        ({"stages": 1}, "and no stages"),
        ({"stages": []}, "and no stages"),
    ],
)
def test_a_selection_that_chooses_nothing_is_an_error(selection, message):
    with pytest.raises(doconv.DOConvError, match="matches no convolution") as caught:
        doconv.over_parameterize(small(), **selection)
    assert message in str(caught.value)


def test_a_stage_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(doconv.DOConvError, match=r"in stages \[0, 1, 2, 3\]"):
        doconv.over_parameterize(model_zoo.get_model("cifar_resnet20_v1"), stages=4)


@pytest.mark.parametrize("layers", [[], [nn.Conv2D(4, 1)], [nn.Dense(3)], [nn.Conv2DTranspose(4, 3)]])
def test_a_network_without_spatial_convolutions_is_an_error(layers):
    net = nn.HybridSequential()
    net.add(*layers)
    with pytest.raises(doconv.DOConvError, match="nothing to over-parameterize"):
        doconv.over_parameterize(net)


@pytest.mark.parametrize("which", ["include", "exclude"])
@pytest.mark.parametrize("patterns", ["conv(", ["conv", "conv("]])
def test_a_pattern_that_is_no_regular_expression(which, patterns):
    with pytest.raises(doconv.DOConvError, match=r"'conv\(' is not a regular expression"):
        doconv.over_parameterize(small(), **{which: patterns})


class OwnForward(nn.Conv2D):
    def hybrid_forward(self, F, x, weight, bias=None):
        return 2 * super().hybrid_forward(F, x, weight, bias)


@pytest.mark.parametrize(
    "layer, reason",
    [
        (nn.Conv2DTranspose(4, 3), "transposed"),
        (OwnForward(4, 3), "OwnForward has a forward of its own"),
        (nn.Conv3D(4, 1), "pointwise"),
    ],
)
def test_what_doconv_does_not_apply_to_is_left_alone(layer, reason):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), layer)
    before = type(layer)
    assert doconv.over_parameterize(net).skipped == {"1": reason}
    assert type(layer) is before

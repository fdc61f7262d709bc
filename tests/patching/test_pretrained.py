"""ImageNet weights, trained plain or with DO-Conv, as the base of a network that is fine-tuned with DO-Conv.

These are rows of the paper's Tables 4 and 5. The file is the oracle: what is in it is in the network.
"""

import re

import gluon_doconv as doconv
from gluon_doconv.compat.workarounds import apply_workarounds
from gluon_doconv.core.convert import doconv_convolutions
from gluon_doconv.core.convolutions import find_convolutions
from gluon_doconv.patching.pretrained import serve_weights

import mxnet as mx
import numpy as np
import pytest
from gluoncv.model_zoo import get_model
from gluoncv.model_zoo.segbase import get_segmentation_model
from mxnet.gluon.model_zoo import vision
from networks import perturb, slow_but_first

CLASSES = ["thing"]


def deeplab():
    return get_segmentation_model("deeplab", dataset="pascal_voc", backbone="resnet50", crop_size=48)


def c4():
    return get_model("faster_rcnn_resnet50_v1b_custom", classes=CLASSES)


def fpn():
    return get_model(
        "custom_faster_rcnn_fpn",
        classes=CLASSES,
        base_network_name="resnet18_v1b",
        norm_layer=mx.gluon.nn.BatchNorm,
        num_fpn_filters=8,
        num_box_head_dense_filters=8,
        rpn_channel=8,
        min_stage=2,
        max_stage=6,
        strides=(4, 8, 16, 32, 64),
        scales=(1, 1, 1, 1, 1),
    )


def kernels(net):
    """The W and D of the backbone, by the names of its own layers; D = I is zero."""
    convolutions = [
        (convolution, re.split(r"resnetv1[a-z]\d*_", convolution.prefix)[-1])
        for convolution in doconv_convolutions(net)
    ]
    own = [(convolution, layer) for convolution, layer in convolutions if layer != convolution.prefix]
    return {
        layer: (convolution.weight.data().asnumpy(), convolution.d.data().asnumpy())
        for convolution, layer in own
    }


def write_base(name, path, doconv_file):
    net = get_model(name)
    doconv.over_parameterize(net)
    net.initialize(mx.init.MSRAPrelu())
    net(mx.nd.zeros((1, 3, 32, 32)))
    if doconv_file:
        perturb(net)
    expected = kernels(net)
    if not doconv_file:
        doconv.fold(net)
    net.save_parameters(str(path))
    return expected


@pytest.mark.parametrize("doconv_file", [False, True], ids=["plain", "DO-Conv"])
@pytest.mark.parametrize(
    ("build", "base"),
    slow_but_first([(fpn, "resnet18_v1b"), (deeplab, "resnet50_v1s"), (c4, "resnet50_v1b")]),
)
def test_the_backbone_starts_from_its_file(build, base, doconv_file, tmp_path):
    expected = write_base(base, tmp_path / f"{base}.params", doconv_file)
    assert len(expected) > 15 and any(d.any() for _, d in expected.values()) == doconv_file
    undo = [apply_workarounds(), serve_weights(tmp_path)]
    try:
        with doconv.patched():
            found = kernels(build())
    finally:
        for one in undo:
            one()
    assert expected.keys() <= found.keys()
    for layer, pair in expected.items():
        assert all(np.array_equal(*arrays) for arrays in zip(pair, found[layer])), layer


def test_weights_that_are_copied_by_position_are_folded_ones(tmp_path):
    """Networks of videos spread each kernel of a base for images over their frames."""
    write_base("resnet50_v1b", tmp_path / "resnet50_v1b.params", doconv_file=True)
    doconv.fold_params(tmp_path / "resnet50_v1b.params", tmp_path / "folded.params")
    base = get_model("resnet50_v1b")
    base.load_parameters(str(tmp_path / "folded.params"))
    undo = serve_weights(tmp_path)
    try:
        with doconv.patched():
            videos = get_model("i3d_resnet50_v1_kinetics400", nclass=5)
    finally:
        undo()
    found = [(c.weight.data().asnumpy(), c.d) for c in find_convolutions(videos)]
    expected = [c.weight.data().asnumpy() for c in find_convolutions(base)]
    assert len(found) == len(expected) and any(d is not None for _, d in found)
    for (weight, d), kernel in zip(found, expected):
        np.testing.assert_array_equal(
            weight, np.broadcast_to(kernel[:, :, None] / weight.shape[2], weight.shape)
        )
        assert d is None or not d.data().asnumpy().any()


def test_mxnets_own_model_zoo_reads_from_the_folder_too(tmp_path):
    base = vision.mobilenet0_25()
    base.initialize()
    base(mx.nd.zeros((1, 3, 64, 64)))
    base.save_parameters(str(tmp_path / "mobilenet0.25.params"))
    undo = serve_weights(tmp_path)
    try:
        found = vision.mobilenet0_25(pretrained=True)
    finally:
        undo()
    one, other = (net.features[0].weight.data().asnumpy() for net in (base, found))
    np.testing.assert_array_equal(one, other)

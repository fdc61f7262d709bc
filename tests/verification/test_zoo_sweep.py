"""Networks from every part of GluonCV's zoo: each D counted, bitwise at the identity, bitwise folded.

``scripts/sweep`` examines the whole registry. These are chosen from it part by part (a part is a module that
builds networks, see ``family``): from each the network that takes least time, which is the shallowest or
narrowest, and a second one where a part makes its convolutions in two ways: residual blocks of both kinds, with
and without squeeze and excitation, C4 and feature pyramids, deformable layers, heads written as symbols over
different backbones. Some quick ones of the others make it a sixth of the registry. LEFT_OUT are parts of which
even the smallest network takes too long here.
"""

import gluon_doconv as doconv

import pytest
from gluoncv.model_zoo import get_model, get_model_list
from verification import kernels, networks
from verification.records import Records
from verification.zoo_sweep import examine, report, run

NAMES = (
    "alexnet",
    "alpha_pose_resnet101_v1b_coco",
    "center_net_mobilenetv3_large_duc_coco",
    "center_net_mobilenetv3_small_duc_voc",
    "center_net_resnet18_v1b_dcnv2_voc",
    "cifar_residualattentionnet56",
    "cifar_resnet20_v1",
    "cifar_resnet20_v2",
    "cifar_resnext29_32x4d",
    "cifar_wideresnet16_10",
    "custom_faster_rcnn_fpn",
    "darknet53",
    "deeplab_resnet50_citys",
    "densenet121",
    "dla34",
    "faster_rcnn_resnet50_v1b_voc",
    "fastscnn_citys",
    "fcn_resnet50_voc",
    "googlenet",
    "hrnet_w18_small_v1_c",
    "i3d_inceptionv1_kinetics400",
    "icnet_resnet50_mhpv1",
    "inceptionv1_ucf101",
    "inceptionv3",
    "mask_rcnn_resnet18_v1b_coco",
    "mobile_pose_mobilenetv3_small",
    "mobile_pose_resnet18_v1b",
    "mobilenet0.25",
    "mobilenetv2_0.25",
    "mobilenetv3_small",
    "monodepth2_resnet18_kitti_mono_640x192",
    "monodepth2_resnet18_kitti_mono_stereo_640x192",
    "monodepth2_resnet18_posenet_kitti_mono_640x192",
    "nasnet_4_1056",
    "p3d_resnet50_kinetics400",
    "resnest14",
    "resnet18_v1",
    "resnet18_v1b",
    "resnet18_v2",
    "resnet50_v1b_gn",
    "resnet50_v1d_0.11",
    "resnext50_32x4d",
    "se_resnet18_v1",
    "se_resnet18_v2",
    "se_resnext50_32x4d",
    "shufflenet_v1",
    "shufflenet_v2",
    "siamrpn_alexnet_v2_otb15",
    "simple_pose_resnet18_v1b",
    "slowfast_4x16_resnet50_kinetics400",
    "squeezenet1.0",
    "ssd_300_mobilenet0.25_voc",
    "ssd_512_mobilenet1.0_voc",
    "yolo3_mobilenet0.25_voc",
    "yolo3_mobilenet1.0_voc",
)
LEFT_OUT = {
    "action_recognition.actionrec_inceptionv3",
    "action_recognition.actionrec_resnetv1b",
    "action_recognition.actionrec_vgg16",
    "action_recognition.c3d",
    "action_recognition.i3d_inceptionv3",
    "action_recognition.i3d_resnet",
    "action_recognition.i3d_slow",
    "action_recognition.r2plus1d",
    "danet",
    "deeplabv3b_plus",
    "pspnet",
    "senet",
    "vgg",
    "xception",
}
INT8 = "quantized.quantized"  # inference only: nothing to train


@pytest.mark.parametrize("name", NAMES)
def test_network(name):
    outcome = examine.examine(name)
    assert outcome.passed, outcome
    assert outcome.d > 0


def test_it_is_a_sixth_of_what_can_be_trained():
    trainable = [name for name in get_model_list() if networks.family(name) != INT8]
    assert 6 * len(set(NAMES)) >= len(trainable)


def test_every_part_of_the_zoo_is_there():
    parts = {networks.family(name) for name in get_model_list()}
    assert {networks.family(name) for name in NAMES} == parts - LEFT_OUT - {INT8}


def test_int8_networks_leave_nothing_to_train():
    outcome = examine.examine("mobilenet1.0_int8")
    assert "int8" in outcome.stock and not outcome.passed and not outcome.error
    with pytest.raises(doconv.DOConvError, match="built no network with convolutions"), doconv.patched():
        assert not get_model("mobilenet1.0_int8").collect_params(".*_D$").keys()


def test_a_convolution_without_d_is_noticed(monkeypatch):
    patched = doconv.patched
    monkeypatch.setattr(doconv, "patched", lambda: patched(exclude="stage2"))
    outcome = examine.examine("cifar_resnet20_v1")
    assert (outcome.d, outcome.expected, outcome.passed) == (13, 19, False)
    assert outcome.names and outcome.identity and outcome.folded


@pytest.mark.parametrize("finding", ["identity", "folded", "moved", "names"])
def test_what_is_not_the_same_is_noticed(finding, monkeypatch):
    if finding == "names":
        monkeypatch.setattr(examine, "names", id)
    elif finding == "moved":
        monkeypatch.setattr(examine, "STD", 1e-30)
    else:
        monkeypatch.setattr(examine, "same", lambda some, others: False)
    outcome = examine.examine("cifar_resnet20_v1")
    assert getattr(outcome, finding) is False and not outcome.passed


def test_what_fails_is_told_from_what_fails_in_stock(monkeypatch):
    monkeypatch.setattr(doconv, "fold", lambda net: 1 / 0)
    assert "ZeroDivisionError" in examine.examine("cifar_resnet20_v1").error
    monkeypatch.setattr(examine, "inputs", lambda name: 1 / 0)
    assert "ZeroDivisionError" in examine.examine("cifar_resnet20_v1").error
    monkeypatch.setattr(examine, "build", lambda name: 1 / 0)
    monkeypatch.setattr(examine, "inputs", lambda name: [])
    assert "ZeroDivisionError" in examine.examine("cifar_resnet20_v1").stock


def test_convolutions_are_counted_alike_in_the_graph_and_as_they_are_called():
    for name in ("mobilenet0.25", "ssd_300_mobilenet0.25_voc", "center_net_resnet18_v1b_dcnv2_voc"):
        net, x = networks.initialize(networks.build(name)), networks.inputs(name)
        networks.predict(net, x)
        graph = kernels.kernels_of_graph(kernels.trace(net, len(x)))
        assert kernels.kernels_called(net, x) == graph and len(graph) > 10


def test_a_run_goes_on_where_it_was_interrupted(tmp_path):
    records = Records(tmp_path / "sweep.jsonl", examine.Outcome)
    before = examine.Outcome("alexnet", "alexnet", 1.0, 5, 5, True, True, True, False)
    records.add(before)
    outcomes = run.run(["alexnet", "cifar_resnet20_v1"], 1, records)
    assert outcomes[0] == before and outcomes[1].passed
    assert list(records.read().values()) == outcomes
    text = report.report(outcomes)
    assert "Of 2 networks, 1 pass, 1 fail, 0 leave" in text
    assert "| 5 / 5" in text and "DIFFERENT" in text and "| 19 / 19" in text

"""Whole scripts, unchanged, under ``gluon-doconv run``.

The scripts use GluonCV as its own do, which ``scripts/check-upstream`` runs. Their checkpoints are examined in
the same way: the stock network is the oracle of the folded one, and an uninterrupted run that of a resumed one.
"""

import runpy
from pathlib import Path

from gluon_doconv.compat.workarounds import apply_workarounds
from gluon_doconv.lab import datasets

import mxnet as mx
import pytest
from gluoncv.data import VOCDetection
from gluoncv.model_zoo import get_model
from gluoncv.model_zoo.segbase import get_segmentation_model
from verification.upstream.case import DATA_SETS, Place
from verification.upstream.comparing import resumes, same_prints
from verification.upstream.folding import Network, folds
from verification.upstream.run import Run

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "weights").mkdir()
    net = get_model("resnet50_v1s")
    net.initialize(mx.init.MSRAPrelu())
    net(mx.nd.zeros((1, 3, 32, 32)))
    net.save_parameters(str(folder / "weights" / "resnet50_v1s.params"))
    datasets.write("voc", folder / DATA_SETS / "voc", images=2, size=(48, 96))
    datasets.write("imagenet", folder / DATA_SETS / "imagenet", images=16, size=(40, 40))
    return folder


@pytest.fixture
def place(shared, tmp_path):
    return Place(checkout=FOLDER, shared=shared, work=tmp_path)


def take(place, *steps):
    findings = {}
    for step in steps:
        findings.update(step(place))
    return findings


def test_a_classifier_trains_resumes_with_states_and_folds(place):
    model = "mobilenetv2_0.25"
    common = f"--data-dir {{data}}/imagenet --model {model} --num-epochs 2"
    saved = f"whole/params/{model}-0"
    resume = f"--resume-epoch 1 --resume-params @{saved}.params --resume-states @{saved}.states"
    found = take(
        place,
        Run("whole", "classify.py", common, epoch=0),
        Run("resumed", "classify.py", f"{common} {resume}", epoch=1),
        folds(f"whole/params/{model}-1.params", Network(lambda: get_model(model), (1, 3, 32, 32))),
        resumes(
            f"{saved}.params", f"whole/params/{model}-1.params", f"resumed/params/{model}-1.params", "resumed"
        ),
    )
    assert found["D in the checkpoint"] == "18 of 18, 18 moved" and found["resumed"]


def test_segmentation_trains_resumes_evaluates_and_folds(place):
    network = Network(
        lambda: get_segmentation_model(
            "deeplab", dataset="pascal_voc", backbone="resnet50", pretrained_base=False, aux=True, crop_size=48
        ),
        (1, 3, 48, 48),
    )
    first, second = (f"whole/params/epoch_{epoch}.params" for epoch in (0, 1))
    found = take(
        place,
        Run("whole", "segment.py", "--epochs 2", epoch=0),
        Run("resumed", "segment.py", f"--epochs 2 --start_epoch 1 --resume @{first}", epoch=1),
        folds(second, network),
        resumes(first, second, "resumed/params/epoch_1.params", "resumed"),
        Run("evaluated", "segment.py", "--eval --start_epoch 1 --resume @folded.params", "--off"),
        same_prints("whole", "evaluated", "Epoch 1 validation (.*)", "evaluated"),
    )
    assert found["D in the checkpoint"] == "24 of 24, 24 moved" and found["resumed"] and found["besides"]


def test_detection_trains_resumes_and_folds(place):
    build = runpy.run_path(str(FOLDER / "scripts" / "detect.py"))["build"]
    undo = apply_workarounds()  # custom_faster_rcnn_fpn is another function without
    try:
        first, second = (f"whole/params/net_000{epoch}.params" for epoch in (0, 1))
        found = take(
            place,
            Run("whole", "detect.py", "--epochs 2", epoch=0),
            Run("resumed", "detect.py", f"--epochs 2 --start-epoch 1 --resume @{first}", epoch=1),
            folds(
                second,
                Network(lambda: build(VOCDetection.CLASSES), (1, 3, 64, 96)),
                among=("P2_conv", "P3_conv", "P4_conv", "P5_conv"),
            ),
            resumes(first, second, "resumed/params/net_0001.params", "resumed"),
        )
    finally:
        undo()
    assert found["D in the checkpoint"] == "23 of 23, 18 moved" and found["resumed"]

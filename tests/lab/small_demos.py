"""The demos of two stages in small, and their scores computed from the files of the data sets."""

from __future__ import annotations

from typing import NamedTuple

from gluon_doconv.lab.configuration import AnnealedRecipe
from gluon_doconv.lab.datasets import ALL_DIGITS
from gluon_doconv.lab.demos.backbone import MEAN, STD, BackboneDemo
from gluon_doconv.lab.demos.demo import Stage
from gluon_doconv.lab.demos.detection import IDS, SCORES, Detection
from gluon_doconv.lab.demos.segmentation import Segmentation

import numpy as np
from PIL import Image
from pycocotools.cocoeval import COCOeval

SIZE = 64
IMAGES = 8
FEW = (0, 1, 4)  # digits
VOC_CLASSES = (0, 1, 2, 5)  # background, and these digits


class Case(NamedTuple):
    """A demo in small, in how many layers there is a D, and in which of them it has nothing to do."""

    job: BackboneDemo
    layers: int
    idle: set[str]


class SmallDetection(Detection):
    channels = 16


def stage(network, layout, images, size, batch_size, digits=ALL_DIGITS, **more):
    return Stage(network, layout, images, size, AnnealedRecipe(1, batch_size, 0.02, **more), digits)


CASES = {
    "segmentation": Case(
        Segmentation(
            stage("resnet50_v1s", "imagenet", 16, 32, 8, FEW),
            stage("deeplab_resnet50_voc", "voc", IMAGES, SIZE, 2, FEW, curve="poly"),
        ),
        23,
        set(),
    ),
    "detection": Case(
        SmallDetection(
            stage("resnet18_v1b", "imagenet", 16, 32, 8),
            stage("custom_faster_rcnn_fpn_resnet18_v1b", "coco", IMAGES, SIZE, 4),
        ),
        23,
        {
            f"features.P{level}_conv1_D" for level in (4, 5, 6)
        },  # no anchor of theirs fits into so small an image
    ),
}


def normalized(path):
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype="float64") / 255
    return ((pixels - MEAN) / STD).astype("float32").transpose(2, 0, 1)[None]


def overlaps(truth, found, classes):
    """Mean intersection over union of these classes, and pixel accuracy; 255 counts for nothing."""
    truth, found = truth[truth != 255], found[truth != 255]
    shares = []
    for number in classes:
        a, b = truth == number, found == number
        shares.append((a & b).sum() / max((a | b).sum(), 1))
    return np.mean(shares), (truth == found).mean()


def voc_validation(folder):
    root = folder / "VOC2012"
    names = (root / "ImageSets" / "Segmentation" / "val.txt").read_text().split()
    images = [normalized(root / "JPEGImages" / f"{name}.jpg") for name in names]
    masks = [np.asarray(Image.open(root / "SegmentationClass" / f"{name}.png")) for name in names]
    return images, np.stack(masks)


def precisions(truth, found):
    """What pycocotools says of detections: rows of image, left, top, width, height, score, category."""
    evaluation = COCOeval(truth, truth.loadRes(np.array(found)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {name: value for name, value in zip(SCORES, evaluation.stats) if value != -1}


def coco_rows(image, outputs, size, at_least):
    classes, scores, boxes = (array[0] for array in outputs)
    for name, score, (left, top, right, bottom) in zip(classes[:, 0], scores[:, 0], boxes.clip(0, size - 1)):
        if name >= 0 and score >= at_least:
            category = IDS[int(name)]
            yield [image, left, top, right - left + 1, bottom - top + 1, score, category]

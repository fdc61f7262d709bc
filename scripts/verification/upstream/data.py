"""Data sets where GluonCV's scripts look for them, and files in place of its pretrained ones."""

from __future__ import annotations

from pathlib import Path

from gluon_doconv.lab import datasets

import mxnet as mx
from mxnet import autograd

from ..networks import build, initialize
from .case import DATA_SETS

BATCHES = 20  # for the running means of BatchNorm, whose momentum is 0.9
PRETRAINED = ("resnet18_v1", "resnet18_v1b", "resnet50_v1b", "resnet50_v1s", "resnet101_v1s")
# Height and width. The scripts scale images up to a longer side of 1000 and 1333 pixels, so they are thin; with
# images as high as VOC's, a feature pyramid on COCO's would take 4 GB of memory.
VOC_SIZE, COCO_SIZE = (64, 256), (32, 256)


def prepare(folder: Path) -> None:
    """Write all of it into ``folder``."""
    home = folder / DATA_SETS
    home.mkdir(parents=True)
    datasets.write("cifar", home / "cifar10", images=64)
    datasets.write("imagenet", home / "imagenet", images=32, rec=True)
    datasets.write("voc", home / "voc", images=4, size=VOC_SIZE)
    for images in (home / "voc").glob("VOC*/ImageSets/Main/*.txt"):
        images.write_text(f"{images.read_text().splitlines()[0]}\n")  # one is enough for a detector
    datasets.write("coco", home / "coco", images=2, size=COCO_SIZE)
    datasets.write("cityscapes", home / "citys", images=8)
    (folder / "weights").mkdir()
    for name in PRETRAINED:
        write_weights(name, folder / "weights" / f"{name}.params")


def write_weights(name: str, path: Path) -> None:
    """Write random weights, with BatchNorm's statistics to match: detectors keep these as they are."""
    net = initialize(build(name))
    for _ in range(BATCHES):
        with autograd.train_mode():
            net(mx.nd.random.normal(shape=(4, 3, 64, 64))).wait_to_read()
    net.save_parameters(str(path))

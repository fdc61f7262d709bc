"""Data sets where GluonCV's scripts look for them, and files in place of its pretrained ones."""

from __future__ import annotations

from pathlib import Path

from gluon_doconv.lab import datasets

import mxnet as mx
from mxnet import autograd
from mxnet.gluon import Block
from mxnet.gluon.model_zoo import vision

from ..networks import build, initialize, inputs
from . import formats
from .case import DATA_SETS

BATCHES = 20  # for the running means of BatchNorm, whose momentum is 0.9
PRETRAINED = (
    *("resnet18_v1", "resnet18_v1b", "resnet34_v1b", "resnet50_v1b", "resnet101_v1b", "resnet50_v1s"),
    *("resnet101_v1s", "mobilenet1.0", "googlenet"),
)
# Height and width. The scripts scale images up to a longer side of 1000 and 1333 pixels, so they are thin; with
# images as high as VOC's, a feature pyramid on COCO's would take 4 GB of memory.
VOC_SIZE, COCO_SIZE = (64, 256), (32, 256)


def prepare(folder: Path) -> None:
    """Write all of it into ``folder``."""
    home = folder / DATA_SETS
    home.mkdir(parents=True)
    (home.parent / "models").mkdir()  # into which one script writes what it makes of a pretrained file
    datasets.write("cifar", home / "cifar10", images=64)
    datasets.write("imagenet", home / "imagenet", images=32, rec=True)
    datasets.write("voc", home / "voc", images=4, size=VOC_SIZE)
    for images in (home / "voc").glob("VOC*/ImageSets/Main/*.txt"):
        images.write_text(f"{images.read_text().splitlines()[0]}\n")  # one is enough for a detector
    datasets.write("coco", home / "coco", images=2, size=COCO_SIZE)
    formats.add_key_points(home / "coco")
    formats.add_segmentation_ids(home / "coco")
    datasets.write("cityscapes", home / "citys", images=8)
    formats.write_ade20k(home / "ade", (96, 128))
    formats.write_folders(home / "minc", ("train", "val", "test"), 2, (96, 96))
    formats.write_ucf101(home / "ucf101", 12, (64, 64))
    formats.write_market1501(home)
    formats.write_kitti(home / "kitti")
    formats.write_tracking(home / "tracking")
    (folder / "weights").mkdir()
    for name in PRETRAINED:
        write_weights(build(name), inputs(name)[0], folder / "weights" / f"{name}.params")
    write_weights(vision.resnet50_v1(), inputs("")[0], folder / "weights" / "resnet50_v1.params")


def write_weights(net: Block, x: mx.nd.NDArray, path: Path) -> None:
    """Write random weights, with BatchNorm's statistics to match: detectors keep these as they are."""
    initialize(net)
    for _ in range(BATCHES):
        with autograd.train_mode():
            net(mx.nd.random.normal(shape=(4, *x.shape[1:]))).wait_to_read()
    net.save_parameters(str(path))

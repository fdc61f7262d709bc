"""How small the data sets of the tests are, and what was drawn in them."""

from gluon_doconv.lab import datasets
from gluon_doconv.lab.datasets.scenes import Plan

IMAGES = 8
SMALL = {"voc": (96, 128), "coco": (240, 320), "cityscapes": (64, 128), "cifar": None, "imagenet": (64, 64)}


def write(layout, target, seed=0):
    options = {"rec": True} if layout == "imagenet" else {}
    return datasets.write(layout, target, IMAGES, SMALL[layout], seed, **options)


def plan(layout):
    """What :func:`write` draws with the seed 0."""
    return Plan(IMAGES, SMALL[layout] or (32, 32), 0)

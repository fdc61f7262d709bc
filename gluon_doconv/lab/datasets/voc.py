"""PASCAL VOC 2007 and 2012 and SBD, as VOCDetection, VOCSegmentation and VOCAugSegmentation read them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from gluoncv.data import VOCDetection
from PIL import Image, ImageFilter
from scipy.io import savemat

from .scenes import PARTS, Plan, Scene, Thing

SIZE = (240, 320)
HOME = "voc"
YEARS = (2007, 2012)
SETS = {"train": ("train",), "val": ("val",), "trainval": ("train", "val"), "test": ("test",)}
LABELS = tuple(range(1, 11))  # 0 is the background
VOID = 255
VOID_WIDTH = 5  # pixels of the filter that draws the void rim around an object


def write(folder: Path, plan: Plan) -> None:
    """Write VOC2007, VOC2012 and VOCaug into ``folder``, each with other images."""
    for series, year in enumerate(YEARS):
        _write_year(folder / f"VOC{year}", plan, series)
    _write_augmentation(folder / "VOCaug" / "dataset", plan, len(YEARS))


def _write_year(root: Path, plan: Plan, series: int) -> None:
    for name in ("JPEGImages", "Annotations", "SegmentationClass"):
        (root / name).mkdir(parents=True)
    names: dict[str, list[str]] = {part: [] for part in PARTS}
    for part in PARTS:
        for scene in plan.scenes(part, series):
            name = f"{root.name[3:]}_{sum(map(len, names.values())) + 1:06d}"
            names[part].append(name)
            Image.fromarray(scene.image).save(root / "JPEGImages" / f"{name}.jpg", quality=95)
            _annotation(scene, name).write(root / "Annotations" / f"{name}.xml", encoding="utf-8")
            _mask(scene).save(root / "SegmentationClass" / f"{name}.png")
    for kind in ("Main", "Segmentation"):
        _write_sets(root / "ImageSets" / kind, names)


def _write_augmentation(root: Path, plan: Plan, series: int) -> None:
    for name in ("img", "cls"):
        (root / name).mkdir(parents=True)
    names: dict[str, list[str]] = {part: [] for part in PARTS}
    for part in ("train", "val"):
        for scene in plan.scenes(part, series):
            name = f"2008_{sum(map(len, names.values())) + 1:06d}"
            names[part].append(name)
            Image.fromarray(scene.image).save(root / "img" / f"{name}.jpg", quality=95)
            truth = {"GTcls": {"Segmentation": scene.label_map(LABELS, 0)}}
            savemat(str(root / "cls" / f"{name}.mat"), truth, do_compression=True)
    _write_sets(root, names)


def _write_sets(root: Path, names: dict[str, list[str]]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for title, parts in SETS.items():
        lines = [f"{name}\n" for part in parts for name in names[part]]
        if lines:
            (root / f"{title}.txt").write_text("".join(lines), encoding="utf-8")


def _annotation(scene: Scene, name: str) -> ElementTree.ElementTree:
    height, width, depth = scene.image.shape
    root = ElementTree.Element("annotation")
    _add(root, filename=f"{name}.jpg", segmented=1)
    _add(ElementTree.SubElement(root, "size"), width=width, height=height, depth=depth)
    for thing in scene.things:
        _add_object(root, thing)
    return ElementTree.ElementTree(root)


def _add_object(root: ElementTree.Element, thing: Thing) -> None:
    left, top, right, bottom = thing.box
    node = ElementTree.SubElement(root, "object")
    _add(node, name=VOCDetection.CLASSES[thing.digit], pose="Unspecified", truncated=0, difficult=0)
    # VOC counts pixels from 1, and its boxes include their last pixel.
    _add(ElementTree.SubElement(node, "bndbox"), xmin=left + 1, ymin=top + 1, xmax=right, ymax=bottom)


def _add(node: ElementTree.Element, **texts: object) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(node, tag).text = str(text)


def _mask(scene: Scene) -> Image.Image:
    """The classes as VOC draws them: palette colours, and a void rim around every object."""
    labels = scene.label_map(LABELS, 0)
    grown = np.asarray(Image.fromarray(labels).filter(ImageFilter.MaxFilter(VOID_WIDTH)))
    image = Image.fromarray(np.where((grown > 0) & (labels == 0), VOID, labels).astype("uint8"))
    image.putpalette(_palette())
    return image


def _palette() -> bytes:
    """VOC's colours: the bits of a label, dealt out to red, green and blue from the top bit down."""
    labels = np.arange(256)
    bits = labels[:, None] >> np.arange(8) & 1  # (label, bit)
    colours = np.zeros((256, 3), dtype="uint8")
    for bit in range(8):
        colours[:, bit % 3] |= (bits[:, bit] << 7 - bit // 3).astype("uint8")
    return colours.tobytes()

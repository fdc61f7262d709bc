"""MS COCO 2017, as COCODetection, COCOInstance and COCOSegmentation read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

import numpy as np
from gluoncv.data import COCODetection
from PIL import Image

from .scenes import Plan, Scene, Thing

SIZE = (240, 320)
HOME = "coco"
RETIRED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
IDS = [number for number in range(1, 91) if number not in RETIRED]  # of the 80 classes
# The digits 0 to 9 are what they are in VOC: airplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow.
DIGIT_IDS = (5, 2, 16, 9, 44, 6, 3, 17, 62, 21)


def write(folder: Path, plan: Plan) -> None:
    """Write train2017, val2017 and their instances into ``folder``."""
    (folder / "annotations").mkdir()
    first = 1
    for part in ("train", "val"):
        _write_part(folder, f"{part}2017", plan.scenes(part), first)
        first += plan.count(part)


def _write_part(folder: Path, name: str, scenes: Iterator[Scene], first: int) -> None:
    (folder / name).mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, scene in enumerate(scenes, start=first):
        entry = _image(name, number, scene)
        Image.fromarray(scene.image).save(folder / name / entry["file_name"], quality=95)
        images.append(entry)
        for thing in scene.things:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **_annotation(thing)})
    categories = [{"id": number, "name": label} for number, label in zip(IDS, COCODetection.CLASSES)]
    truth = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
    text = json.dumps(truth)
    (folder / "annotations" / f"instances_{name}.json").write_text(text, encoding="utf-8")


def _image(folder: str, number: int, scene: Scene) -> dict[str, Any]:
    height, width = scene.image.shape[:2]
    file = f"{number:012d}.jpg"
    # GluonCV takes folder and file from the end of the address.
    return {"id": number, "file_name": file, "coco_url": f"{folder}/{file}", "height": height, "width": width}


def _annotation(thing: Thing) -> dict[str, Any]:
    left, top, right, bottom = thing.box
    return {
        "category_id": DIGIT_IDS[thing.digit],
        "bbox": [left, top, right - left, bottom - top],
        "area": int(thing.mask.sum()),
        "segmentation": [outline.ravel().tolist() for outline in _outlines(thing.mask)],
        "iscrowd": 0,
    }


def _outlines(mask: np.ndarray) -> Iterator[np.ndarray]:
    """Polygons that together cover exactly ``mask``: (N, 2), x and y in pixels from the image's corner.

    A polygon has no holes, so what has one is cut in two through it.
    """
    from skimage.measure import find_contours, label

    parts = label(mask, connectivity=1)
    for number in range(1, parts.max() + 1):
        part = parts == number
        contours = find_contours(np.pad(part, 1).astype(float), 0.5)
        if len(contours) == 1:
            yield contours[0][:-1, ::-1] - 0.5  # from the middle of padded pixels
        else:
            hole = min((contour[:, 0] for contour in contours), key=np.ptp)  # its rows
            above = np.arange(len(mask))[:, None] < int((hole.min() + hole.max()) / 2) - 1
            yield from _outlines(part & above)
            yield from _outlines(part & ~above)

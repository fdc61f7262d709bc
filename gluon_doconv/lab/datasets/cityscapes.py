"""Cityscapes, as CitySegmentation reads it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from .scenes import Plan

SIZE = (128, 256)
HOME = "citys"
CITY = "digits"
ROAD = 7  # the background
LABEL_IDS = (8, 11, 12, 13, 17, 19, 20, 21, 22, 23)  # of the digits: sidewalk, building, wall ... sky


def write(folder: Path, plan: Plan) -> None:
    """Write leftImg8bit and gtFine into ``folder``; the digits are one city."""
    for part in ("train", "val"):
        images, truth = (folder / name / part / CITY for name in ("leftImg8bit", "gtFine"))
        images.mkdir(parents=True)
        truth.mkdir(parents=True)
        for number, scene in enumerate(plan.scenes(part)):
            name = f"{CITY}_{number:06d}_000019"
            Image.fromarray(scene.image).save(images / f"{name}_leftImg8bit.png")
            labels = Image.fromarray(scene.label_map(LABEL_IDS, ROAD))
            labels.save(truth / f"{name}_gtFine_labelIds.png")

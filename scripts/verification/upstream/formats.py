"""Tiny data in the formats of GluonCV's other data sets: smooth noise, since nobody learns anything from it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any, Iterable

import numpy as np
from PIL import Image

PEOPLE = 2  # per image of key points
JOINTS = 17
KITTI_SIZE = (375, 1242)  # what the ground truth is always scaled to
LISTED = 4  # images, clips or pairs in a list
REPEATED = 4  # where few would be an epoch of a batch or two, in which a rate that declines is 0


def picture(path: Path, height: int, width: int, seed: int = 0) -> None:
    """Write an image."""
    noise = np.random.RandomState(seed).randint(0, 256, (8, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).resize((width, height)).save(path)


def add_key_points(coco: Path) -> None:
    """Add people, each in a box of the image's left or right half, to what is there of COCO."""
    for part in ("train", "val"):
        truth = json.loads((coco / f"annotations/instances_{part}2017.json").read_text())
        people = [_person(image, number) for image in truth["images"] for number in range(PEOPLE)]
        for number, person in enumerate(people, start=1):
            person["id"] = number
        category = [{"id": 1, "name": "person", "keypoints": [str(n) for n in range(JOINTS)], "skeleton": []}]
        keypoints = {**truth, "annotations": people, "categories": category}
        (coco / f"annotations/person_keypoints_{part}2017.json").write_text(json.dumps(keypoints))
    (coco / "annotations/person_detections.json").write_text("[]")


def _person(image: dict[str, Any], number: int) -> dict[str, Any]:
    width, height = image["width"] // PEOPLE, image["height"]
    left, middle = number * width, (number + 0.5) * width
    joints = [[middle + (n % 3 - 1) * width / 8, height * (n + 1) / (JOINTS + 1), 2] for n in range(JOINTS)]
    box = [left + 1, 1, width - 2, height - 2]
    return {
        **{"image_id": image["id"], "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0},
        **{"keypoints": [value for joint in joints for value in joint], "num_keypoints": JOINTS},
    }


def add_segmentation_ids(coco: Path) -> None:
    """List all images of COCO as segmented: GluonCV itself lists those with 1000 pixels of things and more."""
    for part in ("train", "val"):
        truth = json.loads((coco / f"annotations/instances_{part}2017.json").read_text())
        ids = [image["id"] for image in truth["images"]] * REPEATED
        (coco / f"annotations/{part}_ids.mx").write_bytes(pickle.dumps(ids))


def write_ade20k(root: Path, size: tuple[int, int]) -> None:
    """Write ADE20K; masks are horizontal bands of the first classes."""
    bands = (np.arange(size[0])[:, None] // 16 + np.zeros(size)).astype(np.uint8)
    for number in range(2 * LISTED):
        for part in ("training", "validation"):
            name = f"ADE_{part}_{number:08d}"
            picture(root / f"ADEChallengeData2016/images/{part}/{name}.jpg", *size, seed=number)
            mask = root / f"ADEChallengeData2016/annotations/{part}/{name}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(bands).save(mask)


def write_folders(root: Path, parts: Iterable[str], classes: int, size: tuple[int, int]) -> None:
    """Write images of each class in a folder for each part, as MINC is prepared."""
    for part in parts:
        for label in range(classes):
            for number in range(2):
                picture(root / part / f"class{label:02d}" / f"{number}.jpg", *size, seed=label * 2 + number)


def write_ucf101(root: Path, frames: int, size: tuple[int, int]) -> None:
    """Write the frames of clips of UCF101, and the list of the clips."""
    lines = []
    for clip in range(LISTED):
        for frame in range(1, frames + 1):
            picture(root / f"rawframes/clip{clip}/img_{frame:05d}.jpg", *size, seed=clip * frames + frame)
        lines.append(f"clip{clip} {frames} {clip}\n")
    (root / "list.txt").write_text("".join(lines))


def write_market1501(root: Path) -> None:
    """Write Market-1501's pedestrians, and the list of their identities."""
    home = root / "Market-1501-v15.09.15"
    lines = []
    for number in range(LISTED):
        name = f"{number:04d}_c1s1_000000_00.jpg"
        picture(home / "bounding_box_train" / name, 128, 64, seed=number)
        lines.append(f"{name} {number % 2}\n")
    (home / "train.txt").write_text("".join(lines))


def write_kitti(root: Path) -> None:
    """Write a drive of KITTI with its laser points, and the lists of its frames."""
    day, drive = root / "kitti_data/2011_09_26", "2011_09_26_drive_0001_sync"
    names = range(LISTED + 2)  # frames before and after those that are listed
    for number in names:
        picture(day / f"{drive}/image_02/data/{number:010d}.jpg", *KITTI_SIZE, seed=number)
        points = np.random.RandomState(number).uniform([2, -20, -2, 0], [60, 20, 1, 1], (5000, 4))
        velodyne = day / f"{drive}/velodyne_points/data/{number:010d}.bin"
        velodyne.parent.mkdir(parents=True, exist_ok=True)
        points.astype(np.float32).tofile(velodyne)
    _write_calibration(day)
    lines = "".join(f"2011_09_26/{drive} {number} l\n" for number in names[1:-1])
    for name in ("eigen_zhou/train", "eigen_zhou/val", "eigen/test"):
        listed = root / f"splits/{name}_files.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text(lines)
    depths = np.random.RandomState(0).uniform(1, 60, (LISTED, *KITTI_SIZE))
    np.savez_compressed(root / "splits/eigen/gt_depths.npz", data=depths.astype(np.float32))


def _write_calibration(day: Path) -> None:
    """Cameras that look along the laser's x axis."""
    camera = {
        "S_rect_02": f"{KITTI_SIZE[1]}.0 {KITTI_SIZE[0]}.0",
        "R_rect_00": "1 0 0 0 1 0 0 0 1",
        "P_rect_02": "720 0 610 0 0 720 170 0 0 0 1 0",
    }
    laser = {"R": "0 -1 0 0 0 -1 1 0 0", "T": "0 0 0"}
    for name, values in {"cam_to_cam": camera, "velo_to_cam": laser}.items():
        lines = (f"{key}: {value}\n" for key, value in values.items())
        (day / f"calib_{name}.txt").write_text("".join(lines))


def write_tracking(root: Path, frames: int = 3) -> None:
    """Write the four data sets of a tracker: crops of 511 pixels around a thing, and its boxes."""
    for name, listed in {"vid": "train", "Youtube_bb": "train", "coco": "train2017", "det": "train"}.items():
        for frame in range(frames):
            picture(root / name / f"crop511/video/{frame:06d}.00.x.jpg", 511, 511, seed=frame)
        boxes = {f"{frame:06d}": [200, 200, 310, 300] for frame in range(frames)}
        (root / name / f"{listed}.json").write_text(json.dumps({"video": {"00": boxes}}))

"""ImageNet: a folder per class, as ``gluoncv.data.ImageNet`` reads it, and RecordIO files for ``--use-rec``."""

from __future__ import annotations

from pathlib import Path

import mxnet as mx
from gluoncv.data import ImageNet1kAttr
from PIL import Image

from ...errors import DOConvError
from .digits import DIGITS
from .scenes import Plan

SIZE = (128, 128)
HOME = "imagenet"


def write(folder: Path, plan: Plan, rec: bool = False) -> None:
    """Write train and val into ``folder``: the digits are the first ten of ImageNet's 1000 classes.

    With ``rec``, the same files are also in rec/train.rec and rec/val.rec with their .idx.
    """
    for part in ("train", "val"):
        files = _write_part(folder / part, part, plan)
        if rec:
            (folder / "rec").mkdir(exist_ok=True)
            _write_records(folder / "rec" / part, files)


def _write_part(root: Path, part: str, plan: Plan) -> list[tuple[Path, int]]:
    """Write the images of a part, and return where they are and their classes."""
    classes = ImageNet1kAttr().synset[:DIGITS]
    for name in classes:
        (root / name).mkdir(parents=True)  # all ten: a label is the place of its folder among them
    files = []
    for number, scene in enumerate(plan.portraits(part), start=1):
        digit = scene.things[0].digit
        path = root / classes[digit] / f"{part}_{number:08d}.JPEG"
        Image.fromarray(scene.image).save(path, quality=95)
        files.append((path, digit))
    return files


def _write_records(prefix: Path, files: list[tuple[Path, int]]) -> None:
    record = mx.recordio.MXIndexedRecordIO(f"{prefix}.idx", f"{prefix}.rec", "w")
    for number, (path, label) in enumerate(files):
        header = mx.recordio.IRHeader(flag=0, label=float(label), id=number, id2=0)
        record.write_idx(number, mx.recordio.pack(header, path.read_bytes()))
    size = record.tell()
    record.close()
    if Path(f"{prefix}.rec").stat().st_size != size:  # MXNet does not say when the disk is full
        raise DOConvError(f"{prefix}.rec was not written whole: is there space left?")

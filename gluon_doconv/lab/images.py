"""Images to classify: CIFAR-10 and CIFAR-100 from their folder, or the digits that are bundled."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Iterator, Sequence

import mxnet as mx
import numpy as np

from ..errors import DOConvError
from .datasets.digits import DIGITS, Split, digits

IMAGE = (3, 32, 32)
DIGIT_CHANNELS = {"digits": 1, "rgbdigits": 3}
PADDING = 4  # pixels on each side before a random crop (arXiv 1512.03385, section 4.2)


@dataclass(frozen=True)
class Images:
    """What is trained on and what is validated on, as (N, C, H, W), and the number of classes.

    All are normalised by the mean and the standard deviation, (C, 1, 1), of every channel of the training
    images: GluonCV's ResNet-v2 begins with a BatchNorm without parameters to learn, and the running statistics
    of such a one MXNet never updates on the CPU. ``augmented`` images are padded by four pixels, cropped at
    random and flipped at random; digits must not be.
    """

    train: Split
    validation: Split
    classes: int
    mean: np.ndarray
    deviation: np.ndarray
    augmented: bool

    def batch(self, chosen: np.ndarray, random: np.random.RandomState) -> np.ndarray:
        """Return training images as float32, augmented with numbers drawn from ``random``."""
        images = self._ready(self.train.images[chosen])
        return _augment(images, random) if self.augmented else images

    def validation_batch(self, chosen: slice) -> np.ndarray:
        """Return validation images as float32."""
        return self._ready(self.validation.images[chosen])

    def validation_batches(self, size: int) -> list[np.ndarray]:
        """Return all validation images as float32, in batches."""
        starts = range(0, len(self.validation.labels), size)
        return [self.validation_batch(slice(start, start + size)) for start in starts]

    def _ready(self, images: np.ndarray) -> np.ndarray:
        return (images.astype("float32") - self.mean) / self.deviation


class ShuffledBatches:
    """The training images and their classes, shuffled anew each time; the last batch may be incomplete.

    Each time takes the next of ``randoms``, from which order and augmentation are drawn.
    """

    def __init__(self, images: Images, batch_size: int, randoms: Iterator[np.random.RandomState]) -> None:
        self._images, self._batch_size, self._randoms = images, batch_size, randoms

    def __len__(self) -> int:
        return ceil(len(self._images.train.labels) / self._batch_size)

    def __iter__(self) -> Iterator[tuple[mx.nd.NDArray, mx.nd.NDArray]]:
        random = next(self._randoms)
        order = random.permutation(len(self._images.train.labels))
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            batch = self._images.batch(chosen, random)
            yield mx.nd.array(batch), mx.nd.array(self._images.train.labels[chosen])


def _augment(images: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    height, width = images.shape[2:]
    padded = np.pad(images, [(0, 0), (0, 0), (PADDING, PADDING), (PADDING, PADDING)])
    tops, lefts = random.randint(2 * PADDING + 1, size=(2, len(images)))
    flips = random.randint(2, size=len(images))
    out = np.empty_like(images)
    for i, (top, left, flip) in enumerate(zip(tops, lefts, flips)):
        crop = padded[i, :, top : top + height, left : left + width]
        out[i] = crop[..., ::-1] if flip else crop
    return out


def load(name: str, folder: Path | None) -> Images:
    """Load ``cifar10``, ``cifar100`` or ``digits-T-V``: T digits to train on, V to validate on.

    ``rgbdigits-T-V`` are the same in three equal channels, for networks that insist on three.

    Parameters
    ----------
    name : of the images
    folder : where the CIFAR files are: in it, or in its subfolder of that name, in the binary format

    Raises
    ------
    DOConvError
        If there are no such images, or their files are missing or cut short.
    """
    if name in CIFAR:
        return _cifar(CIFAR[name], _existing(folder, name))
    kind, *sizes = name.split("-")
    if kind in DIGIT_CHANNELS and len(sizes) == 2 and all(size.isdecimal() for size in sizes):
        return _digits(int(sizes[0]), int(sizes[1]), DIGIT_CHANNELS[kind])
    raise DOConvError(f"there are no images called {name!r}; there are {', '.join(CIFAR)} and digits-T-V")


@dataclass(frozen=True)
class CifarFiles:
    """What the binary files hold: records of some labels, the last of which counts, and an image."""

    train: Sequence[str]
    validation: str
    labels: int
    classes: int
    folders: Sequence[str]


CIFAR = {
    "cifar10": CifarFiles(
        [f"data_batch_{i}.bin" for i in range(1, 6)],
        "test_batch.bin",
        labels=1,
        classes=10,
        folders=("cifar10", "cifar-10-batches-bin"),
    ),
    "cifar100": CifarFiles(
        ["train.bin"], "test.bin", labels=2, classes=100, folders=("cifar100", "cifar-100-binary")
    ),
}


def _existing(folder: Path | None, name: str) -> Path:
    files = CIFAR[name]
    if folder is None:
        raise DOConvError(f"{name} is needed: give the folder of its files with --data, or --smoke without any")
    candidates = [folder, *(folder / sub for sub in files.folders)]
    for candidate in candidates:
        if (candidate / files.validation).is_file():
            return candidate
    looked = ", ".join(map(str, candidates))
    raise DOConvError(f"{name}: there is no {files.validation} (its binary version) in any of {looked}")


def _cifar(files: CifarFiles, folder: Path) -> Images:
    train = [_records(folder / name, files) for name in files.train]
    images, labels = (np.concatenate(part) for part in zip(*train))
    validation = Split(*_records(folder / files.validation, files))
    return Images(Split(images, labels), validation, files.classes, *_statistics(images), augmented=True)


def _statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every channel."""
    mean = images.mean(axis=(0, 2, 3), keepdims=True, dtype="float64")[0]
    deviation = images.std(axis=(0, 2, 3), keepdims=True, dtype="float64")[0]
    return mean.astype("float32"), deviation.astype("float32")


def _records(path: Path, files: CifarFiles) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise DOConvError(f"{path}: there is no such file")
    content = np.fromfile(path, np.uint8)
    length = files.labels + int(np.prod(IMAGE))
    if not content.size or content.size % length:
        raise DOConvError(f"{path} is damaged: {content.size} bytes are no whole number of records of {length}")
    records = content.reshape(-1, length)
    return records[:, files.labels :].reshape(-1, *IMAGE), records[:, files.labels - 1].astype("int32")


def _digits(training: int, validating: int, channels: int) -> Images:
    """Digits of every class alike. Those to validate on come from the end of what there is, first 1,000."""
    train, held_out = digits()
    order = np.concatenate([_by_turns(train.labels), len(train.labels) + _by_turns(held_out.labels)])
    images = np.concatenate([train.images, held_out.images])[order].repeat(channels, axis=1)
    labels = np.concatenate([train.labels, held_out.labels])[order]
    if training + validating > len(labels) or not training or not validating:
        raise DOConvError(f"digits-{training}-{validating}: there are {len(labels):,} digits in all")
    first, last = slice(training), slice(len(labels) - validating, None)
    training_part, validation_part = (Split(images[part], labels[part]) for part in (first, last))
    return Images(training_part, validation_part, DIGITS, *_statistics(images[first]), augmented=False)


def _by_turns(labels: np.ndarray) -> np.ndarray:
    """Indices that take one of each class in turn."""
    rank = np.zeros(len(labels), int)
    for label in np.unique(labels):
        rank[labels == label] = np.arange((labels == label).sum())
    return np.lexsort((labels, rank))

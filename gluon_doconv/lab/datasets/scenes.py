"""Pictures of known content: real handwritten digits on real photographs, the same for the same seed."""

from __future__ import annotations

from functools import lru_cache
from typing import Iterator, NamedTuple

import numpy as np
from PIL import Image

from ...errors import DOConvError
from .digits import DIGITS, Split, digits

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket")  # in every wheel
PARTS = ("train", "val", "test")
SMALLEST = 32  # pixels: the smallest side of an image
DRAWING = 28  # pixels: a digit is never drawn smaller than MNIST has it
ATTEMPTS = 20  # to find a free place for a digit


class Thing(NamedTuple):
    """A digit in a picture.

    ``drawing`` is the digit as MNIST has it, float32 in [0, 1] of shape (28, 28). ``mask`` is True where it
    covers the picture, bool of shape (H, W).
    """

    digit: int
    drawing: np.ndarray
    mask: np.ndarray

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The smallest box around the mask, in pixels: left, top, and right, bottom just outside of it."""
        rows, columns = np.nonzero(self.mask)
        return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


class Scene(NamedTuple):
    """A picture, uint8 RGB of shape (H, W, 3), and the digits in it, none touching another."""

    image: np.ndarray
    things: tuple[Thing, ...]

    def label_map(self, labels: tuple[int, ...], background: int) -> np.ndarray:
        """Draw ``labels[digit]`` where a digit is and ``background`` elsewhere, uint8 of shape (H, W)."""
        result = np.full(self.image.shape[:2], background, dtype="uint8")
        for thing in self.things:
            result[thing.mask] = labels[thing.digit]
        return result


class Plan(NamedTuple):
    """How many images to train on, their (height, width) in pixels, the seed, and which digits occur."""

    images: int
    size: tuple[int, int]
    seed: int
    digits: tuple[int, ...] = tuple(range(DIGITS))

    def count(self, part: str) -> int:
        """Count the images of a part, ``train``, ``val`` or ``test``."""
        return self.images if part == "train" else max(2, self.images // 4)

    def scenes(self, part: str, series: int = 0) -> Iterator[Scene]:
        """Draw the pictures of a part with one to four digits each. No digit occurs in two parts.

        Each series has other pictures; image ``i`` is the same however many there are.
        """
        return self._pictures(part, series, most=4, heights=(0.25, 0.5))

    def portraits(self, part: str) -> Iterator[Scene]:
        """Draw the pictures of a part with one large digit each. No digit occurs in two parts."""
        return self._pictures(part, 0, most=1, heights=(0.7, 1.0))

    def _pictures(self, part: str, series: int, most: int, heights: tuple[float, float]) -> Iterator[Scene]:
        self._check()
        shortest, tallest = (max(DRAWING, int(share * min(self.size))) for share in heights)
        for number in range(self.count(part)):
            rng = np.random.default_rng([self.seed, PARTS.index(part), series, number])
            sides = rng.integers(shortest, tallest + 1, size=rng.integers(1, most + 1))
            yield _compose(rng, _pool(part, self.digits), self.size, sides)

    def _check(self) -> None:
        if self.images < 1 or self.seed < 0:
            raise DOConvError(f"{self.images} images with seed {self.seed}: at least one, and a seed from 0 up")
        if min(self.size) < SMALLEST:
            raise DOConvError(f"images of {self.size[0]}x{self.size[1]} pixels: no side below {SMALLEST}")
        if not self.digits or not set(self.digits) <= set(range(DIGITS)):
            raise DOConvError(f"digits {self.digits}: name some, from 0 to 9")


@lru_cache(maxsize=1)
def _parts() -> dict[str, Split]:
    train, held_out = digits()
    val, test = (Split(held_out.images[start::2], held_out.labels[start::2]) for start in (0, 1))
    return {"train": train, "val": val, "test": test}


@lru_cache(maxsize=len(PARTS))
def _pool(part: str, digits: tuple[int, ...]) -> Split:
    images, labels = _parts()[part]
    chosen = np.isin(labels, digits)
    return Split(images[chosen], labels[chosen])


@lru_cache(maxsize=1)
def _photographs() -> list[Image.Image]:
    try:
        from skimage import data
    except ImportError as error:
        raise DOConvError("the photographs come with scikit-image: pip install gluon_doconv[demo]") from error
    return [Image.fromarray(getattr(data, name)()).convert("RGB") for name in PHOTOGRAPHS]


def _compose(rng: np.random.Generator, pool: Split, size: tuple[int, int], sides: np.ndarray) -> Scene:
    """Draw a digit of each of the ``sides`` (pixels) for which there is room."""
    image, taken, things = _backdrop(rng, size), np.zeros(size, dtype=bool), []
    for side in sides:
        chosen, colour = rng.integers(len(pool.labels)), rng.integers(128, 256, size=3)
        place = _free_place(rng, taken, int(side))
        if place is None:
            continue
        drawing = pool.images[chosen, 0]
        ink = np.zeros(size, dtype="float32")
        ink[place] = _enlarge(drawing, int(side))
        mask = ink > 0.5
        image[mask] = (ink[mask][:, None] * colour).astype("uint8")
        taken[place] = True
        things.append(Thing(int(pool.labels[chosen]), drawing, mask))
    return Scene(image, tuple(things))


def _backdrop(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A random part of a random photograph, at least half of what fits."""
    photo = _photographs()[rng.integers(len(PHOTOGRAPHS))]
    height, width = size
    zoom = min(photo.width / width, photo.height / height) * rng.uniform(0.5, 1)
    left = rng.uniform(0, photo.width - width * zoom)
    top = rng.uniform(0, photo.height - height * zoom)
    window = (left, top, left + width * zoom, top + height * zoom)
    return np.array(photo.resize((width, height), Image.Resampling.BILINEAR, box=window))


def _free_place(rng: np.random.Generator, taken: np.ndarray, side: int) -> tuple[slice, slice] | None:
    height, width = taken.shape
    for _ in range(ATTEMPTS):
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        place = slice(top, top + side), slice(left, left + side)
        if not taken[place].any():
            return place
    return None


def _enlarge(drawing: np.ndarray, side: int) -> np.ndarray:
    """A digit as ``side`` × ``side`` pixels, float32 in [0, 1]."""
    picture = Image.fromarray((drawing * 255).round().astype("uint8"))
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), dtype="float32") / 255

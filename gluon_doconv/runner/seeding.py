"""The generators that a script's random numbers come from."""

from __future__ import annotations

import multiprocessing
import random
from multiprocessing.util import register_after_fork

import mxnet as mx
import numpy as np


def seed_generators(seed: int) -> None:
    """Seed Python's, NumPy's and MXNet's generators, those of every device, from one ``seed`` below 2³¹.

    Worker processes of :mod:`multiprocessing`, hence of MXNet's DataLoader, are seeded as they start (see
    :func:`seed_worker`). They repeat from run to run, and no two draw the same numbers. Which of several
    workers is given which batch does not repeat: with random augmentation, only one worker repeats exactly.
    """
    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)
    _seed_forks(seed)


def seed_worker(seed: int) -> None:
    """Seed the generators of this worker process from ``seed`` and the worker's name, which has its number."""
    name = multiprocessing.current_process().name.encode()
    for_python, for_numpy, for_mxnet = np.random.SeedSequence([seed, *name]).generate_state(3)
    random.seed(int(for_python))
    np.random.seed(for_numpy)
    mx.random.seed(int(for_mxnet >> 1), ctx=mx.cpu())  # a forked process must not touch the GPU
    _seed_forks(seed)


def _seed_forks(seed: int) -> None:
    """From now on, call :func:`seed_worker` in each process that this one forks."""
    register_after_fork(seed_worker, lambda seed_worker: seed_worker(seed))

"""Timing side by side, and how quiet the machine was meanwhile."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from itertools import cycle, permutations
from pathlib import Path
from typing import Callable

import mxnet as mx
import numpy as np
from tqdm import tqdm

WARM_UP = 3
WAIT_STEP = 5
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def side_by_side(
    steps: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds per repeat of every step, by ``clock``.

    Each repeat runs every step once, in an order that changes from repeat to repeat: what disturbs the
    machine disturbs all of them alike, and none profits from the place it has in the row.
    """
    for _ in range(WARM_UP):
        for step in steps.values():
            _seconds(step, clock)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _, order in zip(tqdm(range(repeats), leave=False, disable=None), cycle(permutations(steps))):
        for name in order:
            seconds[name].append(_seconds(steps[name], clock))
    return seconds


def _seconds(step: Callable[[], object], clock: Callable[[], float]) -> float:
    mx.nd.waitall()
    start = clock()
    step()
    mx.nd.waitall()
    return clock() - start


@dataclass(frozen=True)
class Ratio:
    """Median and quartiles of the ratio of two series, repeat by repeat."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, numerator: list[float], denominator: list[float]) -> Ratio:
        """The ratio of what was measured in the same repeat."""
        lower, median, upper = np.percentile(np.divide(numerator, denominator), (25, 50, 75))
        return cls(float(median), float(lower), float(upper))

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.lower:.3f} to {self.upper:.3f})"


def milliseconds(seconds: list[float]) -> float:
    """The median, in milliseconds."""
    return float(np.median(seconds)) * 1000


def wait_for_calm(limit: float, threshold: float = 0.6) -> float:
    """Wait until the one-minute load average is below ``threshold``, at most ``limit`` seconds; return it."""
    end = time.monotonic() + limit
    while os.getloadavg()[0] >= threshold and time.monotonic() < end:
        time.sleep(WAIT_STEP)
    return os.getloadavg()[0]


class Neighbours:
    """The share of the machine's processors that other processes use (Linux).

    It is counted from the moment of construction; :meth:`share` asks for it.
    """

    def __init__(self) -> None:
        self._start = self._now()

    def share(self) -> float:
        """Busy time that was not this process's, as a share of all processor time."""
        busy, own, total = (now - start for now, start in zip(self._now(), self._start))
        return max(0.0, busy - own) / max(total, 1e-9)

    @staticmethod
    def _now() -> tuple[float, float, float]:
        first_line = Path("/proc/stat").read_text().splitlines()[0]
        ticks = [int(field) for field in first_line.split()[1:9]]  # user … steal; guests are in user
        idle = ticks[3] + ticks[4]
        hertz = os.sysconf("SC_CLK_TCK")
        own = os.times()
        return (sum(ticks) - idle) / hertz, own.user + own.system, sum(ticks) / hertz

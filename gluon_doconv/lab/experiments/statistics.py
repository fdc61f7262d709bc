"""From records to figures with their uncertainty: the mean of the last epochs, differences paired by seed."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Sequence

import numpy as np
from scipy import stats

from ..configuration import Configuration
from ..records import Epoch, Record

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds and its standard error, None for one seed alone; in points of a percent."""

    mean: float
    error: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Estimate from one value a seed."""
        n = len(values)
        error = float(np.std(values, ddof=1)) / sqrt(n) if n > 1 else None
        return cls(float(np.mean(values)), error, n)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% confidence interval of the mean, by Student's t; None for one seed alone."""
        if self.error is None:
            return None
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, self.n - 1)) * self.error
        return self.mean - reach, self.mean + reach


def final(record: Record, metric: str = "") -> float:
    """Average the accuracy or another metric, in percent, over the epochs that the recipe averages."""
    values = [epoch.metrics[metric] if metric else epoch.validation_accuracy for epoch in _averaged(record)]
    return 100 * float(np.mean(values))


def estimate(
    records: Sequence[Record], configuration: Configuration, baseline: Configuration | None, metric: str = ""
) -> Estimate | None:
    """Estimate the accuracy of a configuration, or what it gains on its baseline with the same seeds.

    Only finished records that have the metric count; None where there are none, or no seed of both.
    """
    ours = _by_seed(records, configuration, metric)
    if baseline is None:
        return Estimate.of(list(ours.values())) if ours else None
    others = _by_seed(records, baseline, metric)
    differences = [value - others[seed] for seed, value in ours.items() if seed in others]
    return Estimate.of(differences) if differences else None


def _by_seed(records: Sequence[Record], configuration: Configuration, metric: str) -> dict[int, float]:
    chosen = (record for record in records if record.finished and record.configuration == configuration)
    return {record.seed: final(record, metric) for record in chosen if _has(record, metric)}


def _has(record: Record, metric: str) -> bool:
    return not metric or all(metric in epoch.metrics for epoch in _averaged(record))


def _averaged(record: Record) -> tuple[Epoch, ...]:
    return record.epochs[-record.configuration.recipe.averaged_epochs :]

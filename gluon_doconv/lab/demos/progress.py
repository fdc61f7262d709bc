"""A progress bar for each training of a demo."""

from __future__ import annotations

import sys

from tqdm import tqdm

from ..records import Record
from ..tracking import Scores, Tracker
from ..training import Learner, train
from .labels import LABELS


def train_with_bar(record: Record, learner: Learner, name: str, tracker: Tracker) -> Record:
    """Train to the end, showing a bar; ``tracker`` receives each step and epoch under this name."""
    total = record.configuration.recipe.epochs * len(learner.batches)
    with _bar(name, total) as bar, tracker(name) as log:

        def on_step(number: int, measured: Scores) -> None:
            bar.update()
            log("step", number, measured)

        def on_epoch(record: Record) -> None:
            scores = record.epochs[-1].scores
            log("epoch", len(record.epochs), scores)
            shown = {key: f"{value:.3f}" for key, value in scores.items() if value is not None}
            bar.set_postfix({"epoch": len(record.epochs), **shown})

        return train(record, learner, on_step, on_epoch)


def _bar(name: str, total: int) -> tqdm:
    """The bars of two networks that train side by side keep their lines."""
    position = next((place for place, label in enumerate(LABELS) if name.startswith(label)), 0)
    interval = 0.5 if sys.stderr.isatty() else 10
    return tqdm(total=total, desc=name, unit="batch", mininterval=interval, position=position)

"""The outcomes as a Markdown page."""

from __future__ import annotations

from typing import Sequence

from ..tables import markdown
from .case import Outcome

COLUMNS = ("D in the checkpoint", "folded, in stock GluonCV", "resumed", "besides")

LEGEND = """\
GluonCV's own scripts, unmodified, under `gluon-doconv run`, on tiny data in the real formats, on a CPU. Written
by `GLUONCV_CHECKOUT=path/to/gluon-cv scripts/check-upstream --output docs/results/upstream.md`, which keeps
the tables of other commits.

- *D in the checkpoint*: for how many of the layers that DO-Conv applies to (and the options select) the
  checkpoint holds a D, and how many of these have moved from where they started: all that the script trains.
  Faster R-CNN freezes its first layers, and on COCO the anchors of P5 and P6 do not fit into these images.
- *folded, in stock GluonCV*: the checkpoint, folded, is loaded into the network as GluonCV builds it; its
  predictions for a random image are, bitwise, those of the DO-Conv network. Detectors, which after a moment's
  training may find nothing but background, are asked for all their boxes.
- *resumed*: an epoch resumed from a checkpoint ends with the same arrays, bitwise, as a run that was not
  interrupted. Both runs draw the same random numbers in an epoch (by `repeatable.py` in
  `scripts/verification/upstream`), since the scripts do not keep the state of theirs. Where a script keeps no
  optimiser states, momentum is 0; where it restarts its schedule, the learning rate is constant. *Without
  oneDNN*: with it, runs that were resumed and runs that were not differ by rounding (so they did for the stock
  resnet18_v1b, in 101 of 102 arrays).
"""


def page(outcomes: Sequence[Outcome], version: str, former: str = "") -> str:
    """The page with a table of these outcomes; ``former`` is the page as it was."""
    heading = f"## GluonCV {version}"
    sections = {text.splitlines()[0]: text.rstrip() for text in _sections(former)}
    sections[heading] = f"{heading}\n\n{table(outcomes)}\n\n{_summary(outcomes)}"
    return "\n\n".join([f"# GluonCV's scripts\n\n{LEGEND.rstrip()}", *sections.values()]) + "\n"


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes of one commit as a Markdown table."""
    rows = [(outcome.case, *_cells(outcome)) for outcome in outcomes]
    return markdown(rows, ["script and variant", *COLUMNS])


def _cells(outcome: Outcome) -> list[str]:
    cells = [outcome.findings.get(column, "") for column in COLUMNS]
    failure = outcome.failure and f"FAILED: {outcome.failure}"
    skipped = outcome.skipped and f"not run: {outcome.skipped}"
    return [*cells[:-1], "; ".join(filter(None, [cells[-1], failure, skipped]))]


def _summary(outcomes: Sequence[Outcome]) -> str:
    run = [outcome for outcome in outcomes if not outcome.skipped]
    good = [outcome for outcome in run if not outcome.failure]
    return f"{len(good)} of {len(run)} as they should be."


def _sections(text: str) -> list[str]:
    return [f"## {section}" for section in text.split("\n## ")[1:]]

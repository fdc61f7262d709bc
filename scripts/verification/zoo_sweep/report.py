"""What was found out, as Markdown."""

from __future__ import annotations

from typing import Sequence

import gluoncv
import mxnet as mx

from ..tables import markdown
from .examine import Outcome

HEADING = """# Every network of GluonCV's zoo

`scripts/sweep` asks GluonCV's registry for every network by its name, stock and under `gluon_doconv.patched()`,
and compares the two in inference, in float32 on the CPU, on a small random input:

- *D / kernels*: how many D the network has, and how many distinct kernels of more than one position the
  convolutions in the stock network's own graph have, those written as symbols (feature pyramids, SSD's extra
  layers) included. They are counted without any code of gluon_doconv.
- *names*: every layer, every Gluon parameter and every name in a parameter file is what it was.
- *at identity*: with the stock network's parameters, read by the network's own `load_parameters`, the outputs
  are bitwise the stock network's.
- *folded*: with every D moved by random numbers, which has to change the outputs, the folded network predicts
  bitwise what it predicted before, and so does a stock network that loads the folded file.

DO-Conv is not defined for transposed and deformable convolutions. They stay as they are, the ones by which
deformable layers learn where to sample included; the remarks count them. Parameters are random; networks that
insist on downloading those of another network were given random ones, and the remarks name it. What keeps
GluonCV from running on today's Python is worked around on both sides (`gluon_doconv.compat.workarounds`).
"""


def report(outcomes: Sequence[Outcome]) -> str:
    """The result as Markdown: what it amounts to, by family, and every network."""
    families: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.family, outcome.name)):
        families.setdefault(outcome.family, []).append(outcome)
    by_family = [
        (name, len(group), *_counts(group), _span([outcome.d for outcome in group if outcome.d is not None]))
        for name, group in families.items()
    ]
    every = [_row(outcome) for group in families.values() for outcome in group]
    parts = [
        HEADING,
        f"MXNet {mx.__version__}, GluonCV {gluoncv.__version__}. **{conclusion(outcomes)}**\n",
        markdown(by_family, ["family", "networks", "pass", "fail", "nothing to compare", "D"]),
        "\n## One by one\n",
        markdown(every, ["family", "network", "D / kernels", "names", "at identity", "folded", "remarks"]),
    ]
    return "\n".join(parts)


def conclusion(outcomes: Sequence[Outcome]) -> str:
    """One sentence."""
    passed, failed, excluded = _counts(outcomes)
    return (
        f"Of {len(outcomes)} networks, {passed} pass, {failed} fail, {excluded} leave nothing to compare with."
    )


def _counts(outcomes: Sequence[Outcome]) -> tuple[int, int, int]:
    """How many pass, fail, and leave nothing to compare with."""
    passed = sum(outcome.passed for outcome in outcomes)
    excluded = sum(bool(outcome.stock) for outcome in outcomes)
    return passed, len(outcomes) - passed - excluded, excluded


def _row(outcome: Outcome) -> tuple[str, ...]:
    remarks = "; ".join(filter(None, (outcome.stock, outcome.error, outcome.remark)))
    if outcome.moved is False:
        remarks = f"outputs do not depend on D; {remarks}"
    counted = (
        "" if outcome.expected is None else f"{'-' if outcome.d is None else outcome.d} / {outcome.expected}"
    )
    marks = (_MARKS[mark] for mark in (outcome.names, outcome.identity, outcome.folded))
    return (outcome.family, outcome.name, counted, *marks, remarks)


_MARKS = {True: "same", False: "DIFFERENT", None: ""}


def _span(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    return str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} – {max(numbers)}"

"""What was found out, as Markdown."""

from __future__ import annotations

from typing import Sequence

import gluoncv
import mxnet as mx

from ..pages import markdown
from .examine import Outcome


def report(outcomes: Sequence[Outcome]) -> str:
    """Return the result as Markdown: what it amounts to, by family, and every network."""
    families: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.family, outcome.name)):
        families.setdefault(outcome.family, []).append(outcome)
    by_family = [
        (name, len(group), *_counts(group), _span([outcome.d for outcome in group if outcome.d is not None]))
        for name, group in families.items()
    ]
    every = [_row(outcome) for group in families.values() for outcome in group]
    parts = [
        f"MXNet {mx.__version__}, GluonCV {gluoncv.__version__}. **{conclusion(outcomes)}**\n",
        markdown(by_family, ["family", "networks", "pass", "fail", "nothing to compare", "D"]),
        "\n## One by one\n",
        markdown(every, ["family", "network", "D / kernels", "names", "at identity", "folded", "remarks"]),
    ]
    return "\n".join(parts)


def conclusion(outcomes: Sequence[Outcome]) -> str:
    """Return one sentence."""
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

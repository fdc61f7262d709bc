"""The outcomes as Markdown."""

from __future__ import annotations

from typing import Sequence

from ..pages import markdown
from .case import Outcome

COLUMNS = ("D in the checkpoint", "folded, in stock GluonCV", "resumed", "besides")


def report(outcomes: Sequence[Outcome], version: str, former: str = "") -> str:
    """Return a section for each version: of ``version`` these outcomes, of others what ``former`` has."""
    heading = f"## GluonCV {version}"
    sections = {text.splitlines()[0]: text.strip() for text in _sections(former)}
    sections[heading] = f"{heading}\n\n{table(outcomes)}\n\n{_summary(outcomes)}"
    return "\n\n".join(sections.values())


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes of one version as a table."""
    return markdown(
        [(outcome.case, *_cells(outcome)) for outcome in outcomes], ["script and variant", *COLUMNS]
    )


def _cells(outcome: Outcome) -> list[str]:
    *cells, last = (outcome.findings.get(column, "") for column in COLUMNS)
    failure = outcome.failure and f"FAILED: {outcome.failure}"
    skipped = outcome.skipped and f"not run: {outcome.skipped}"
    return [*cells, "; ".join(filter(None, [last, failure, skipped]))]


def _summary(outcomes: Sequence[Outcome]) -> str:
    run = [outcome for outcome in outcomes if not outcome.skipped]
    good = [outcome for outcome in run if not outcome.failure]
    return f"{len(good)} of {len(run)} as they should be."


def _sections(report: str) -> list[str]:
    return [f"## {section}" for section in f"\n{report}".split("\n## ")[1:]]

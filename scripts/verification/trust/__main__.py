"""``scripts/check-trust kills|faults|fuzz``: tried, failed, and a page in ``docs/results``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Sequence

import click

from ..pages import markdown, write_results
from . import faults, fuzz, kills
from .writers import WRITERS

RESULTS = Path(__file__).resolve().parents[3] / "docs" / "results"


@click.group()
def main() -> None:
    """Try what must never lose, tear or believe anything."""


@main.command("kills")
@click.option("--most", default=100, show_default=True, help="times that each writer is killed")
def kills_command(most: int) -> None:
    """Kill everything that writes, at every line of what writes."""
    _tell("kills", [kills.kill(writer, most) for writer in WRITERS])


@main.command("faults")
@click.option("--most", default=60, show_default=True, help="faults of a kind for each writer")
def faults_command(most: int) -> None:
    """Refuse everything that writes its space and its rights."""
    found = [faults.refuse(writer, most) for writer in WRITERS]
    if os.geteuid() == 0:
        found += [faults.on_a_full_disk(writer, most) for writer in WRITERS]
    _tell("faults", found)


@main.command("fuzz")
@click.option("--cases", default=12_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def fuzz_command(cases: int, seed: int) -> None:
    """Read damaged files of every kind."""
    outcomes = fuzz.fuzz(cases, seed)
    headers = ("file", "tried", "read", "refused in a sentence", "failed")
    _write("fuzz", markdown(fuzz.rows([*outcomes, *(o._replace(kind="all") for o in outcomes)]), headers))
    _end([f"{outcome.number}, {outcome.kind}: {outcome.fault}" for outcome in outcomes if outcome.fault])


def _tell(page: str, found: Sequence[tuple[str, int, list[str]]]) -> None:
    counted: list[tuple[object, ...]] = [(name, tried, len(failed)) for name, tried, failed in found]
    tried, failed = (sum(len(one[2]) if place == 2 else one[1] for one in found) for place in (1, 2))
    _write(page, markdown([*counted, ("all", tried, failed)], ("what writes", "tried", "failed")))
    _end([f"{name}: {fault}" for name, _, faults in found for fault in faults])


def _write(page: str, table: str) -> None:
    print(table)
    write_results(RESULTS / f"{page}.md", table)


def _end(faults: list[str]) -> None:
    print(*faults[:50], sep="\n", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

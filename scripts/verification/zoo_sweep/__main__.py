"""``scripts/sweep``: the command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import gluon_doconv  # noqa: F401  (makes MXNet importable)

import click
from gluoncv.model_zoo import get_model_list

from ..pages import write_results
from ..records import Records
from .examine import Outcome
from .report import conclusion, report
from .run import run


@click.command()
@click.argument("pattern", default="")
@click.option("--jobs", default=1, show_default=True, help="networks at a time")
@click.option(
    "--output", type=click.Path(path_type=Path), help="write the tables into this Markdown file as well"
)
@click.option(
    "--records", type=click.Path(path_type=Path), default="sweep.jsonl", show_default=True,
    help="JSON lines: networks in there are not examined again, others are added; delete it to begin anew",
)  # fmt: skip
def main(pattern: str, jobs: int, output: Path | None, records: Path) -> None:
    """Give DO-Conv to every network of GluonCV's registry, and check what comes of it.

    PATTERN is a regular expression on their names.
    """
    names = [name for name in sorted(get_model_list()) if re.search(pattern, name)]
    outcomes = run(names, jobs, Records(records, Outcome))
    text = report(outcomes)
    if output:
        write_results(output, text)
    print(text)
    print(f"sweep: {conclusion(outcomes)}")
    sys.exit(0 if all(outcome.passed or outcome.stock for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()

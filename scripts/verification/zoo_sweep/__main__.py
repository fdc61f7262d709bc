"""``scripts/sweep``: the command line."""

from __future__ import annotations

import json
import re
import resource
import sys
from dataclasses import asdict
from pathlib import Path

import gluon_doconv  # noqa: F401  (makes MXNet importable)

import click
from gluoncv.model_zoo import get_model_list

from .examine import examine
from .records import run
from .report import conclusion, report

GIGABYTES = 14  # for one network


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
@click.option("--one", hidden=True, help="examine this network here and print a record")
def main(pattern: str, jobs: int, output: Path | None, records: Path, one: str | None) -> None:
    """Give DO-Conv to every network of GluonCV's registry, and check what comes of it.

    PATTERN is a regular expression on their names.
    """
    if one:
        resource.setrlimit(resource.RLIMIT_DATA, (GIGABYTES << 30, GIGABYTES << 30))
        print(json.dumps(asdict(examine(one))))
        return
    outcomes = run([name for name in sorted(get_model_list()) if re.search(pattern, name)], jobs, records)
    text = report(outcomes)
    if output:
        output.write_text(text + "\n")
    print(text)
    print(f"sweep: {conclusion(outcomes)}")
    sys.exit(0 if all(outcome.passed or outcome.stock for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()

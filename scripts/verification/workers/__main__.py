"""Train with two workers, by ps-lite and by Horovod, as ``scripts/check-workers`` does."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import click

from ..pages import markdown, write_results
from .jobs import MODES
from .outcomes import HEADERS, examine


@click.command()
@click.option("--only", type=click.Choice([mode.name for mode in MODES]), multiple=True, help="repeatable")
@click.option(
    "--output", type=click.Path(path_type=Path), help="write the table into this Markdown file as well"
)
def main(only: tuple[str, ...], output: Path | None) -> None:
    """Train with two workers in each mode, once whole and once with a worker killed and the job restarted."""
    outcomes = []
    for mode in MODES:
        if not only or mode.name in only:
            folder = Path(tempfile.mkdtemp(prefix="workers-"))
            try:
                outcomes.append(examine(mode, folder))
            finally:
                shutil.rmtree(folder)
            click.echo(f"{mode.name}: {outcomes[-1].problem or 'as it should be'}", err=True)
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    table = markdown([outcome.row() for outcome in outcomes], HEADERS)
    said = f"{table}\n\n{len(outcomes)} tried, {failed} failed."
    click.echo(said)
    if output:
        write_results(output, said)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

"""Runs as a page."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="the file to write",
)
def report(runs: tuple[Path, ...], output: Path) -> None:
    """Write the results of RUNS, folders of `demo` and `reproduce`, as one HTML page to send to a colleague."""
    from ..lab.report.page import write_page

    write_page(runs, output)
    click.echo(output)

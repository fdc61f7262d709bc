"""``gluon-doconv``, also as ``python -m gluon_doconv``."""

from __future__ import annotations

import sys
from typing import Any

import click

from .cli import main
from .errors import DOConvError
from .runner.run_config import RunConfig

INTERRUPTED = 128 + 2  # what a shell makes of SIGINT


def start() -> None:
    """Run the command line.

    A script that it is asked to run runs outside of it: what the script raises is not taken for an error of the
    command line then, and its exit code and signals are its own.
    """
    result = _command_line()
    if isinstance(result, RunConfig):
        _run(result)
    sys.exit(result if isinstance(result, int) else 0)


def _command_line() -> Any:
    try:
        return main.main(prog_name="gluon-doconv", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Aborted", err=True)
        sys.exit(INTERRUPTED)


def _run(config: RunConfig) -> None:
    from .runner.run import run

    try:
        run(config)
    except DOConvError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    start()

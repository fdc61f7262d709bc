"""What a report of a fault needs."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="for machines")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Say what is installed and what this machine has, for a report of a fault.

    Names of users and hosts are left out, and paths begin at the home folder. It exits with 1 if something is
    wrong.
    """
    from ..compat.doctor import examine

    diagnosis = examine()
    click.echo(diagnosis.to_json() if as_json else diagnosis)
    context.exit(1 if diagnosis.faults else 0)

"""Files: fold them, say which form they are in."""

from __future__ import annotations

import click


@click.command()
@click.argument("source")
@click.argument("target")
@click.option(
    "--epoch", default=0, show_default=True, help="of an exported graph: the number in its .params file"
)
def fold(source: str, target: str, epoch: int) -> None:
    """Fold SOURCE into the plain TARGET; no network is needed.

    SOURCE is a .params file of save_parameters, or the prefix of an exported graph (PREFIX-symbol.json).
    """
    from ..files.export import fold_symbol
    from ..files.fold import fold_params

    is_params_file = source.endswith(".params")
    layers = fold_params(source, target) if is_params_file else fold_symbol(source, epoch, target)
    click.echo(f"{target}: {len(layers)} DO-Conv layers folded; what is left is a plain network")


@click.command()
@click.argument("file")
def inspect(file: str) -> None:
    """Say which form a .params FILE is in: plain (or folded), or DO-Conv, and with which layers."""
    from ..files.fold import inspect as inspect_params

    click.echo(inspect_params(file))

"""Files: fold them, say which form they are in."""

from __future__ import annotations

import click

from ..core.config import DOConvConfig
from .config_options import config_options


@click.command()
@click.argument("prefix")
@click.argument("target")
@click.option("--epoch", default=0, show_default=True, help="the number in the name of the .params file")
@config_options
def convert(prefix: str, target: str, epoch: int, doconv: DOConvConfig) -> None:
    """Give DO-Conv to the checkpoint PREFIX (PREFIX-symbol.json and its .params) and write it as TARGET.

    The symbol and the values of a plain network of the Module API become those from which to train on with
    DO-Conv. The way back is `gluon-doconv fold`.
    """
    from ..files.symbols import over_parameterize_checkpoint

    click.echo(over_parameterize_checkpoint(prefix, epoch, target, doconv))


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("--epoch", default=0, show_default=True, help="of a prefix: the number in its .params file")
def fold(source: str, target: str, epoch: int) -> None:
    """Fold SOURCE into the plain TARGET; no network is needed.

    SOURCE is a .params file of save_parameters, or the prefix of a checkpoint or export (PREFIX-symbol.json).
    """
    from ..files.export import fold_checkpoint
    from ..files.fold import fold_params

    is_params_file = source.endswith(".params")
    layers = fold_params(source, target) if is_params_file else fold_checkpoint(source, epoch, target)
    click.echo(f"{target}: {len(layers)} DO-Conv layers folded; what is left is a plain network")


@click.command()
@click.argument("file")
def inspect(file: str) -> None:
    """Say which form a .params FILE is in: plain (or folded), or DO-Conv, and with which layers."""
    from ..files.fold import inspect as inspect_params

    click.echo(inspect_params(file))

"""Somebody else's script."""

from __future__ import annotations

import click

from ..compat import cores
from ..core.config import DOConvConfig
from ..runner.run_config import RunConfig
from .common import use_physical_cores
from .config_options import config_options


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "is_module", is_flag=True, help="SCRIPT is the name of a module, as for python -m")
@config_options
@click.option(
    "--only-named", is_flag=True, help="DO-Conv only where the script asks for a model as NAME_doconv"
)
@click.option(
    "--all-networks",
    is_flag=True,
    help="DO-Conv in what GluonCV does not build as well: Modules, the script's own Blocks, MXNet's model zoo",
)
@click.option("--off", is_flag=True, help="run the script plain")
@click.option(
    "--fold-on-save", is_flag=True, help="write each checkpoint folded as well, as NAME-folded.params"
)
@click.option("--weights", type=click.Path(exists=True, file_okay=False), help="folder with pretrained files")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    metavar="N",
    help="seed Python's, NumPy's and MXNet's random numbers, in spawned worker processes too (differently)",
)
@click.option(
    "--no-workaround",
    "without_workarounds",
    multiple=True,
    metavar="NAME",
    help="leave one obstacle of GluonCV's as it is; repeatable; -v lists them",
)
@click.option("-v", "--verbose", is_flag=True, help="list the workarounds that keep GluonCV's scripts running")
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    script: str,
    arguments: tuple[str, ...],
    doconv: DOConvConfig,
    is_module: bool,
    only_named: bool,
    all_networks: bool,
    off: bool,
    fold_on_save: bool,
    weights: str | None,
    seed: int | None,
    without_workarounds: tuple[str, ...],
    verbose: bool,
) -> RunConfig:
    """Run SCRIPT unchanged, with DO-Conv in every network that GluonCV builds for it.

    Options before SCRIPT are these; whatever comes after it is the script's own. What networks are given can
    also be set in the environment, as GLUON_DOCONV_INCLUDE and so on.
    """
    if cores.NAME not in without_workarounds:
        use_physical_cores()
    return RunConfig(
        target=script,
        arguments=arguments,
        is_module=is_module,
        doconv=None if off else doconv,
        only_named=only_named,
        all_networks=all_networks,
        fold_on_save=fold_on_save,
        weights=weights,
        seed=seed,
        without_workarounds=without_workarounds,
        verbose=verbose,
    )

"""Somebody else's script."""

from __future__ import annotations

from typing import Any

import click

from ..runner.run_config import RunConfig
from .common import numbers


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "module", is_flag=True, help="SCRIPT is the name of a module, as for python -m")
@click.option(
    "--include",
    multiple=True,
    envvar="GLUON_DOCONV_INCLUDE",
    help="regular expression on layer names; may be repeated",
)
@click.option(
    "--exclude",
    multiple=True,
    envvar="GLUON_DOCONV_EXCLUDE",
    help="regular expression on layer names; may be repeated",
)
@click.option(
    "--stages",
    envvar="GLUON_DOCONV_STAGES",
    callback=numbers,
    help="the paper's stages, such as 0,1,2; 0 is the stem",
)
@click.option(
    "--part",
    envvar="GLUON_DOCONV_PART",
    type=click.Choice(["backbone", "head"]),
    help="of segmentation and detection models",
)
@click.option("--d-mul", envvar="GLUON_DOCONV_D_MUL", type=int, help="depth multiplier; by default M·N")
@click.option(
    "--d-initializer",
    envvar="GLUON_DOCONV_D_INITIALIZER",
    type=click.Choice(["identity", "he"]),
    default="identity",
    show_default=True,
)
@click.option(
    "--only-named", is_flag=True, help="DO-Conv only where the script asks for a model as NAME_doconv"
)
@click.option("--off", is_flag=True, help="run the script plain")
@click.option(
    "--fold-on-save", is_flag=True, help="write each checkpoint folded as well, as NAME-folded.params"
)
@click.option("--weights", type=click.Path(exists=True, file_okay=False), help="folder with pretrained files")
@click.option(
    "--no-workaround", multiple=True, help="leave one obstacle of GluonCV's as it is; see the list it prints"
)
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    script: str,
    arguments: tuple[str, ...],
    module: bool,
    only_named: bool,
    off: bool,
    fold_on_save: bool,
    weights: str | None,
    no_workaround: tuple[str, ...],
    **selection: Any,
) -> RunConfig:
    """Run SCRIPT unchanged, with DO-Conv in every network that GluonCV builds for it.

    Options before SCRIPT are these; whatever comes after it is the script's own. The selection can also be set
    in the environment, as GLUON_DOCONV_INCLUDE and so on.
    """
    chosen = None if off else selection
    return RunConfig(script, arguments, module, chosen, only_named, fold_on_save, weights, no_workaround)

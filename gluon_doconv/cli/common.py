"""Options that several verbs of ``gluon-doconv`` share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable

import click

from ..compat import cores
from ..lab.tracking import TensorBoard, Tracker, no_tracker


def _tracker(_: click.Context, __: click.Parameter, folder: Path | None) -> Tracker:
    return TensorBoard(folder) if folder else no_tracker


def tensorboard_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option ``--tensorboard``, which the command receives as ``tracker``."""
    return click.option(
        "--tensorboard",
        "tracker",
        type=click.Path(path_type=Path, file_okay=False),
        callback=_tracker,
        help="folder for TensorBoard, which then shows the trainings under way",
    )(command)


def use_physical_cores() -> None:
    """Have MXNet compute with every core, and say so; a person's own choice stands."""
    threads = cores.use_physical_cores()
    if threads:
        click.echo(f"gluon-doconv: {cores.VARIABLE}={threads}, to compute with every core", err=True)


def numbers(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Read an option such as ``0,1,2``."""
    if value is None:
        return None
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not of the form 0,1,2") from error


def pattern(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Read a regular expression."""
    try:
        re.compile(value or "")
    except re.error as error:
        raise click.BadParameter(f"{value!r} is not a regular expression: {error}") from error
    return value


def shape(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Read an option such as ``1,3,224,224``."""
    if value is None:
        return None
    if not re.fullmatch(r"0*[1-9]\d*(,0*[1-9]\d*)*", value):
        raise click.BadParameter(f"{value!r} is not of the form 1,3,224,224")
    return tuple(map(int, value.split(",")))

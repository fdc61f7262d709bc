"""What the verbs of ``gluon-doconv`` share: errors as messages, options that hold several numbers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Callable

import click

from ..errors import DOConvError
from ..live import Live, TensorBoard, to_nobody


def teach(command: Callable[..., Any]) -> Callable[..., Any]:
    """Show a :class:`DOConvError` as a message, not as a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except DOConvError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


def _live(_: click.Context, __: click.Parameter, folder: Path | None) -> Live:
    return TensorBoard(folder) if folder else to_nobody


def on_tensorboard(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--tensorboard``, which the command receives as ``live``."""
    return click.option(
        "--tensorboard",
        "live",
        type=click.Path(path_type=Path, file_okay=False),
        callback=teach(_live),
        help="folder for TensorBoard, which then shows the trainings under way",
    )(command)


def shape(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """The callback of an option such as ``1,3,224,224``."""
    if value is None:
        return None
    try:
        return tuple(int(size) for size in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not of the form 1,3,224,224") from error


def numbers(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """The callback of an option such as ``0,1,2``."""
    return None if value is None else shape(_, __, value)

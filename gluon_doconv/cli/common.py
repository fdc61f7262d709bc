"""What the verbs of ``gluon-doconv`` share: errors as messages, options that hold several numbers."""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import click

from ..errors import DOConvError
from ..lab.tracking import TensorBoard, Tracker, no_tracker


def errors_as_messages(command: Callable[..., Any]) -> Callable[..., Any]:
    """Show a :class:`DOConvError` as a message, not as a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except DOConvError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


def _tracker(_: click.Context, __: click.Parameter, folder: Path | None) -> Tracker:
    return TensorBoard(folder) if folder else no_tracker


def tensorboard_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--tensorboard``, which the command receives as ``tracker``."""
    return click.option(
        "--tensorboard",
        "tracker",
        type=click.Path(path_type=Path, file_okay=False),
        callback=errors_as_messages(_tracker),
        help="folder for TensorBoard, which then shows the trainings under way",
    )(command)


def numbers(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """The callback of an option such as ``0,1,2``."""
    if value is None:
        return None
    try:
        return tuple(int(number) for number in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not of the form 0,1,2") from error


def shape(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """The callback of an option such as ``1,3,224,224``."""
    if value is None:
        return None
    if not re.fullmatch(r"0*[1-9]\d*(,0*[1-9]\d*)*", value):
        raise click.BadParameter(f"{value!r} is not of the form 1,3,224,224")
    return tuple(map(int, value.split(",")))


@contextmanager
def explain_shape_errors(model: str, input_shape: tuple[int, ...] | None) -> Iterator[None]:
    """Meanwhile ``model`` is run on an input of this shape; what it says against that becomes a message.

    Raises
    ------
    DOConvError
        With the model, the shape, and the line of the error in which MXNet says what was wrong.
    """
    try:
        yield
    except DOConvError:
        raise
    except (ValueError, TypeError, RuntimeError) as error:  # MXNetError is a RuntimeError
        checks = re.findall(r"Check failed: (.+)", str(error))
        reason = checks[-1] if checks else str(error).strip().splitlines()[-1]
        raise DOConvError(
            f"{model} does not run on an input of shape {input_shape}: {reason}. "
            "Give another with --input-shape."
        ) from error

"""What the verbs of ``gluon-doconv`` share: errors as messages, options that hold several numbers."""

from __future__ import annotations

import functools
from typing import Any, Callable

import click

from ..errors import DOConvError


def teach(command: Callable[..., Any]) -> Callable[..., Any]:
    """Show a :class:`DOConvError` as a message, not as a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except DOConvError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


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

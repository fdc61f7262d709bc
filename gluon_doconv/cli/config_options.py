"""Options of the command line for the words of a :class:`~gluon_doconv.core.config.DOConvConfig`."""

from __future__ import annotations

import functools
from typing import Any, Callable

import click

from ..core.config import DOConvConfig
from ..core.config_text import OPTIONS, Option
from ..errors import DOConvError


class _Word(click.ParamType):
    """A value of one word."""

    def __init__(self, option: Option) -> None:
        self.name = option.form
        self._parse = option.parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._parse(value)
        except DOConvError as error:
            self.fail(str(error), param, ctx)


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` an option for each word; it receives them as one :class:`DOConvConfig`, ``doconv``."""

    @functools.wraps(command)
    def with_config(**arguments: Any) -> Any:
        words = {option.name: arguments.pop(option.name) for option in OPTIONS}
        given = {name: value for name, value in words.items() if value not in (None, ())}
        return command(doconv=DOConvConfig(**given), **arguments)

    for option in reversed(OPTIONS):
        with_config = click.option(
            f"--{option.flag}",
            multiple=option.repeatable,
            envvar=option.variable,
            type=_Word(option),
            metavar=option.form,
            help=option.description,
        )(with_config)
    return with_config

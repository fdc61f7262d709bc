"""A :class:`~gluon_doconv.core.config.DOConvConfig` as text: on a command line, in the environment."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Callable, Mapping

from ..errors import DOConvError
from .config import DOConvConfig

SWITCH = "GLUON_DOCONV"  # turns DO-Conv on; the variables of the words begin with it


@dataclass(frozen=True)
class Option:
    """One word as text.

    Parameters
    ----------
    name, default : as in :class:`DOConvConfig`
    form : what a text looks like
    read, write : from a text to a value, not checked, and back
    repeatable : the value is a tuple, each of whose items has a text
    """

    name: str
    default: Any
    form: str
    help: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    repeatable: bool

    @property
    def flag(self) -> str:
        """Its name on a command line, but for what stands before it: ``d-mul``."""
        return self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """Its name in the environment: ``GLUON_DOCONV_D_MUL``."""
        return f"{SWITCH}_{self.name.upper()}"

    @property
    def description(self) -> str:
        """The help, with what holds where the option is not given."""
        if self.repeatable:
            return f"{self.help}; repeatable"
        return self.help if self.default is None else f"{self.help}; {self.default} if not given"

    def parse(self, text: str) -> Any:
        """The value of one text; raises :class:`DOConvError` where there can be none such."""
        value = self.read(text)
        DOConvConfig(**{self.name: value})
        return value

    def texts(self, config: DOConvConfig) -> list[str]:
        """The inverse of :meth:`parse`: none where ``config`` has the default."""
        value = getattr(config, self.name)
        if value == self.default:
            return []
        return [self.write(item) for item in value] if self.repeatable else [self.write(value)]


OPTIONS = tuple(Option(word.name, word.default, **word.metadata["text"]) for word in fields(DOConvConfig))


def to_arguments(config: DOConvConfig) -> list[str]:
    """The arguments with which ``gluon-doconv run`` has this ``config``."""
    return [
        argument
        for option in OPTIONS
        for text in option.texts(config)
        for argument in (f"--{option.flag}", text)
    ]


def from_environment(environ: Mapping[str, str]) -> DOConvConfig:
    """The config in variables such as ``GLUON_DOCONV_D_MUL``; spaces separate several regular expressions.

    Raises
    ------
    DOConvError
        If a variable has a value that cannot be; the message names the variable.
    """
    given = {option: environ[option.variable] for option in OPTIONS if environ.get(option.variable)}
    return DOConvConfig(**{option.name: _parse_variable(option, text) for option, text in given.items()})


def _parse_variable(option: Option, text: str) -> Any:
    try:
        return [option.parse(one) for one in text.split()] if option.repeatable else option.parse(text)
    except DOConvError as error:
        raise DOConvError(f"{option.variable}: {error}") from error

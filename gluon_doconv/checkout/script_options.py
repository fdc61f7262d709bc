"""DO-Conv for scripts that know nothing of it: options for their argparse parser, and environment variables."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from ..core.config import D_INITIALIZERS, Options
from ..core.selection import PARTS, Selection
from ..errors import DOConvError
from ..patching.patch import patch

SWITCH = "GLUON_DOCONV"


def _stages(text: str) -> list[int]:
    try:
        return [int(stage) for stage in text.split(",")]
    except ValueError as error:
        raise DOConvError(f"{text!r} is not of the form 0,1,2") from error


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise DOConvError(f"{text!r} is not a whole number") from error


@dataclass(frozen=True)
class _Argument:
    """One keyword of :func:`gluon_doconv.patch`, as text."""

    form: str
    help: str
    owner: Callable[..., Any]  # checks the value
    convert: Callable[[str], Any] = str
    repeatable: bool = False

    def read(self, name: str, text: str) -> Any:
        value = self.convert(text)
        self.owner(**{name: value})
        return value


_ARGUMENTS = {
    "include": _Argument("REGEX", "only layers whose name matches; repeatable", Selection.of, repeatable=True),
    "exclude": _Argument("REGEX", "no layers whose name matches; repeatable", Selection.of, repeatable=True),
    "stages": _Argument("0,1,2", "only these stages of the paper; 0 is the stem", Selection.of, _stages),
    "part": _Argument("|".join(PARTS), "only this part of a segmentation or detection network", Selection.of),
    "d_mul": _Argument("N", "depth multiplier; M*N, the kernel's size, if not given", Options, _whole_number),
    "d_initializer": _Argument("|".join(D_INITIALIZERS), "how D starts; identity if not given", Options),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--doconv``, ``--doconv-include`` and so on to a script's parser.

    An option that is not given leaves nothing in the parsed namespace, which then is what it was without them.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The script's parser; it gains a group of options.

    Examples
    --------
    >>> import argparse
    >>> parser = argparse.ArgumentParser()
    >>> doconv.add_options(parser)
    >>> vars(parser.parse_args(["--doconv-stages", "0,1"]))
    {'doconv_stages': [0, 1]}
    """
    group = parser.add_argument_group("DO-Conv", "any of these turns it on")
    group.add_argument(
        "--doconv",
        action="store_true",
        default=argparse.SUPPRESS,
        help="train with depthwise over-parameterized convolutions",
    )
    for name, argument in _ARGUMENTS.items():
        group.add_argument(
            f"--doconv-{name.replace('_', '-')}",
            action="append" if argument.repeatable else "store",
            default=argparse.SUPPRESS,
            type=_for_argparse(name, argument),
            metavar=argument.form,
            help=argument.help,
        )


def patch_from_options(args: argparse.Namespace) -> None:
    """Patch if an option of :func:`~gluon_doconv.add_options` was given; otherwise do nothing.

    Parameters
    ----------
    args : argparse.Namespace
        What the parser has read.

    Examples
    --------
    >>> import argparse
    >>> parser = argparse.ArgumentParser()
    >>> doconv.add_options(parser)
    >>> doconv.patch_from_options(parser.parse_args(["--doconv"]))
    >>> doconv.is_patched()
    True
    >>> doconv.unpatch()
    """
    options = {name: f"doconv_{name}" for name in _ARGUMENTS}
    given = {name: getattr(args, option) for name, option in options.items() if hasattr(args, option)}
    if given or getattr(args, "doconv", False):
        patch(**given)


def patch_from_environment(environ: Mapping[str, str]) -> bool:
    """Patch if the environment has GLUON_DOCONV=1; otherwise do nothing.

    GLUON_DOCONV_INCLUDE, _EXCLUDE (several regular expressions are separated by spaces), _STAGES (``0,1,2``),
    _PART, _D_MUL and _D_INITIALIZER say where and how.

    Parameters
    ----------
    environ : mapping of str to str
        As ``os.environ``.

    Returns
    -------
    bool
        Whether it was patched.

    Raises
    ------
    DOConvError
        If a variable has a value that cannot be; the message names the variable.

    Examples
    --------
    >>> doconv.patch_from_environment({"GLUON_DOCONV": "1", "GLUON_DOCONV_STAGES": "0,1"})
    True
    >>> doconv.unpatch()
    """
    switch = environ.get(SWITCH, "")
    if switch not in ("", "0", "1"):
        raise DOConvError(f"{SWITCH}={switch!r}: 1 turns DO-Conv on, 0 or nothing leaves it off")
    if switch != "1":
        return False
    texts = {name: environ.get(f"{SWITCH}_{name.upper()}") for name in _ARGUMENTS}
    patch(**{name: _read_variable(name, text) for name, text in texts.items() if text})
    return True


def _read_variable(name: str, text: str) -> Any:
    argument = _ARGUMENTS[name]
    try:
        if argument.repeatable:
            return [argument.read(name, one) for one in text.split()]
        return argument.read(name, text)
    except DOConvError as error:
        raise DOConvError(f"{SWITCH}_{name.upper()}: {error}") from error


def _for_argparse(name: str, argument: _Argument) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return argument.read(name, text)
        except DOConvError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read

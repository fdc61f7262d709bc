"""DO-Conv for scripts that know nothing of it: options for their argparse parser, and environment variables."""

from __future__ import annotations

import argparse
import os
from typing import Any, Callable, Mapping

from ..core.arguments import a_namespace, instance_of, takes
from ..core.config import DOConvConfig
from ..core.config_text import OPTIONS, SWITCH, Option, from_environment
from ..errors import DOConvError
from ..patching.patch import patch_as


@takes(parser=instance_of(argparse.ArgumentParser, "an argparse.ArgumentParser"))
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
    if "--doconv" in parser._option_string_actions:  # a script may parse twice
        return
    group = parser.add_argument_group("DO-Conv", "any of these turns it on")
    group.add_argument(
        "--doconv",
        action="store_true",
        default=argparse.SUPPRESS,
        help="train with depthwise over-parameterized convolutions",
    )
    for option in OPTIONS:
        group.add_argument(
            f"--doconv-{option.flag}",
            action="append" if option.repeatable else "store",
            default=argparse.SUPPRESS,
            type=_for_argparse(option),
            metavar=option.form,
            help=option.description,
        )


@takes(args=a_namespace)
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
    destinations = {option.name: f"doconv_{option.name}" for option in OPTIONS}
    given = {name: getattr(args, place) for name, place in destinations.items() if hasattr(args, place)}
    if given or getattr(args, "doconv", False):
        patch_as(DOConvConfig(**given))


@takes(environ=instance_of(Mapping, "a mapping such as os.environ"))
def patch_from_environment(environ: Mapping[str, str] = os.environ) -> bool:
    """Patch if the environment has GLUON_DOCONV=1; otherwise do nothing.

    GLUON_DOCONV_INCLUDE, _EXCLUDE (several regular expressions are separated by spaces), _STAGES (``0,1,2``),
    _PART, _D_MUL, _D_INITIALIZER, _COMPOSITION and _D_WD_MULT say where and how.

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
    patch_as(from_environment(environ))
    return True


def _for_argparse(option: Option) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return option.parse(text)
        except DOConvError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse

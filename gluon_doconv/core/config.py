"""How a network is over-parameterized: one configuration, checked once and passed along whole.

A word more is one field more, here: options of command lines and environment variables are made from the fields
(see :mod:`~gluon_doconv.core.config_text`). Only the public functions spell the words out, to be readable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from math import isfinite
from numbers import Integral, Real
from typing import Any, Callable, Iterable, Sequence

from ..errors import DOConvError, describe

PARTS = ("backbone", "head")
D_INITIALIZERS = ("identity", "he")
COMPOSITIONS = ("kernel", "feature", "auto")
INLINE_FLAGS = {re.ASCII: "a", re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}
LEADING_FLAGS = re.compile(r"^(\(\?[aimsux]+\))+")


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else [given]


def _patterns(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    return tuple(_pattern(pattern) for pattern in _listed(given)) or None


def _pattern(given: Any) -> str:
    """The text of a regular expression; of a compiled one, with its flags written into it."""
    compiled = isinstance(given, re.Pattern)
    text = given.pattern if compiled else given
    if not isinstance(text, str):
        raise DOConvError(f"a regular expression is a text, and {describe(text)} was given")
    letters = "".join(letter for flag, letter in INLINE_FLAGS.items() if compiled and given.flags & flag)
    if letters:
        text = f"(?{letters}){LEADING_FLAGS.sub('', text)}"
    try:
        re.compile(text)
    except re.error as error:
        raise DOConvError(f"{text!r} is not a regular expression: {error}") from error
    return text


def _is_whole(given: Any) -> bool:
    return isinstance(given, Integral) and not isinstance(given, bool)


def _stages(given: Any) -> tuple[int, ...] | None:
    if given is None:
        return None
    listed = _listed(given)
    if not all(_is_whole(stage) for stage in listed):
        raise DOConvError("stages are whole numbers, such as 0 for the stem or [1, 2]")
    return tuple(sorted({int(stage) for stage in listed}))


def _depth_multiplier(given: Any) -> int | None:
    if given is None:
        return None
    if not (_is_whole(given) and int(given) >= 1):
        raise DOConvError("the depth multiplier is a whole number of at least 1")
    return int(given)


def _weight_decay_multiplier(given: Any) -> float:
    if not (isinstance(given, Real) and not isinstance(given, bool) and isfinite(given) and float(given) >= 0):
        raise DOConvError("the multiplier of weight decay is a number of at least 0")
    return float(given)


def _one_of(known: Sequence[str | None]) -> Callable[[Any], Any]:
    def check(given: Any) -> Any:
        if given not in known:
            raise DOConvError(f"choose from {[name for name in known if name]}")
        return given

    return check


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise DOConvError(f"{text!r} is not a whole number") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DOConvError(f"{text!r} is not a number") from error


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise DOConvError(f"{text!r} is not of the form 0,1,2") from error


def _comma_separated(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _word(
    default: Any,
    check: Callable[[Any], Any],
    form: str,
    help: str,
    read: Callable[[str], Any] = str,
    write: Callable[[Any], str] = str,
    repeatable: bool = False,
) -> Any:
    """A field: ``check`` makes its value of what a person gives, or raises; the rest is for its text."""
    metadata = {"form": form, "help": help, "read": read, "write": write, "repeatable": repeatable}
    return field(default=default, metadata={"check": check, "text": metadata})


@dataclass(frozen=True)
class DOConvConfig:
    """Which convolutions of a network are over-parameterized, and how.

    Parameters
    ----------
    include, exclude : regular expressions, or one, searched for in a layer's structural name and in its Gluon
        name. None includes everything and excludes nothing. Kept as a tuple of texts, which have the flags of
        compiled ones written into them
    stages : the paper's stage numbers (Table 6), or one: 0 is the stem, 1 to 4 the stages of a ResNet, 1 to 3
        on CIFAR. None means all, and whatever belongs to no stage. Kept as a sorted tuple
    part : ``'backbone'`` or ``'head'`` (of segmentation and detection), see
        :func:`~gluon_doconv.core.selection.part_of`; None means both
    d_mul : depth multiplier; None means M·N, the paper's choice
    d_initializer : ``'identity'`` (the network computes what it computed before) or ``'he'`` (Table 7)
    composition : ``'kernel'``, ``'feature'``, or ``'auto'``: the one of fewer MACCs for the input's size
    d_wd_mult : weight-decay multiplier of D. Decay pulls the stored D' = D − I to zero, hence D to the
        identity; 0 leaves D undecayed

    Raises
    ------
    DOConvError
        For a value that cannot be; the message names the word and says what can.
    """

    include: str | Iterable[str] | None = _word(
        None, _patterns, "REGEX", "only layers whose name matches", repeatable=True
    )
    exclude: str | Iterable[str] | None = _word(
        None, _patterns, "REGEX", "no layers whose name matches", repeatable=True
    )
    stages: int | Iterable[int] | None = _word(
        None,
        _stages,
        "0,1,2",
        "only these stages of the paper; 0 is the stem",
        _whole_numbers,
        _comma_separated,
    )
    part: str | None = _word(
        None,
        _one_of((*PARTS, None)),
        "|".join(PARTS),
        "only this part of a segmentation or detection network",
    )
    d_mul: int | None = _word(
        None, _depth_multiplier, "N", "depth multiplier; M*N, the kernel's size, if not given", _whole_number
    )
    d_initializer: str = _word("identity", _one_of(D_INITIALIZERS), "|".join(D_INITIALIZERS), "how D starts")
    composition: str = _word(
        "kernel", _one_of(COMPOSITIONS), "|".join(COMPOSITIONS), "whether D meets the kernel or the features"
    )
    d_wd_mult: float = _word(1.0, _weight_decay_multiplier, "X", "multiplier of D's weight decay", _number)

    def __post_init__(self) -> None:
        for word in fields(self):
            given = getattr(self, word.name)
            try:
                object.__setattr__(self, word.name, word.metadata["check"](given))
            except DOConvError as error:
                raise DOConvError(f"{word.name}={given!r}: {error}") from error


Options = DOConvConfig  # the shorter name, for what is said of a single layer

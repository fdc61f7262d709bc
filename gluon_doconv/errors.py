"""The one error and the one warning this package raises, and how they name what was given."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator


class DOConvError(ValueError):
    """Something asked of DO-Conv cannot be done; the message says what, where, and what to do."""


class DOConvWarning(UserWarning):
    """Something was asked that has already been done; nothing was changed."""


def describe(value: object) -> str:
    """Say in an error what somebody has given: the value if it is short, and its type."""
    kind, text = type(value).__name__, repr(value)
    article = "an" if kind[0].lower() in "aeiou" else "a"
    return (
        f"{article} {kind}"
        if len(text) > 40 or "\n" in text or text[0] == "<"
        else f"{text} ({article} {kind})"
    )


@contextmanager
def faults_of(file: object, action: str = "written") -> Iterator[None]:
    """Say in a :class:`DOConvError` which file the system refuses to have ``written`` or ``read``, and why."""
    try:
        yield
    except OSError as error:
        raise DOConvError(f"{file} cannot be {action}: {error.strerror or error}") from error

"""The one error and the one warning this package raises."""

from __future__ import annotations


class DOConvError(ValueError):
    """Something asked of DO-Conv cannot be done; the message says what, where, and what to do."""


class DOConvWarning(UserWarning):
    """Something was asked that has already been done; nothing was changed."""

"""Checkouts of GluonCV's repository."""

from __future__ import annotations

from pathlib import Path

from gluon_doconv import DOConvError
from gluon_doconv.checkout import apply


def version(checkout: Path) -> str:
    """Return what a checkout is recognised as; if as nothing that is known, its folder's name."""
    try:
        return apply.check(checkout).version.name
    except DOConvError:
        return checkout.name

"""Checkouts of GluonCV's repository."""

from __future__ import annotations

from pathlib import Path

from gluon_doconv import DOConvError
from gluon_doconv.checkout import apply

from .patches import PATCHES, VERSIONS, checksums


def version(checkout: Path) -> str:
    """Return the release that a checkout is, patched or not; if it is none, its folder's name."""
    try:
        found = checksums(apply.check(checkout).plain)
    except DOConvError:
        return checkout.name
    known = {(PATCHES / name / "gluoncv.sha256").read_bytes(): name for name in VERSIONS}
    return known.get(found, checkout.name)

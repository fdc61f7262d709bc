"""Patches for checkouts of GluonCV."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Callable

import click

from ..checkout import apply as checkouts
from ..errors import DOConvWarning


@click.group("patch")
def patching() -> None:
    """Give a checkout of GluonCV DO-Conv of its own: --doconv in its scripts, GLUON_DOCONV=1 for all of it."""


_checkout = click.argument("checkout", type=click.Path(path_type=Path, exists=True, file_okay=False))


@patching.command()
@_checkout
def check(checkout: Path) -> None:
    """Say which version CHECKOUT is, and which of its files are patched. Changes nothing."""
    found = checkouts.check(checkout)
    click.echo(found)
    for path in found.content:
        click.echo(f"  {'patched' if path in found.patched else 'upstream'}  {path}")


@patching.command()
@_checkout
def apply(checkout: Path) -> None:
    """Patch CHECKOUT; if anything is in the way, all of it stays as it is."""
    _change(checkouts.apply, checkout)


@patching.command()
@_checkout
def revert(checkout: Path) -> None:
    """Make CHECKOUT, to the byte, what it was before it was patched."""
    _change(checkouts.revert, checkout)


def _change(verb: Callable[[Path], checkouts.Checkout], checkout: Path) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DOConvWarning)
        click.echo(verb(checkout))
    for warning in said:
        click.echo(warning.message, err=True)

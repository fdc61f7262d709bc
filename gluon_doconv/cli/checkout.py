"""Patches for checkouts of GluonCV."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import click

from ..errors import DOConvWarning


@click.group("patch")
def patching() -> None:
    """Give a checkout of GluonCV, or a script, --doconv options of its own."""


_target = click.argument("target", type=click.Path(path_type=Path, exists=True))


@patching.command()
@_target
def check(target: Path) -> None:
    """Say what of TARGET (a checkout, or a script) can be patched, and what is. Changes nothing."""
    from ..checkout.apply import check

    found = check(target)
    click.echo(found)
    for path in found.content:
        click.echo(f"  {found.state(path):14}  {path}")
    for path, reason in found.left.items():
        click.echo(f"  left alone      {path}: {reason}")


@patching.command()
@_target
def apply(target: Path) -> None:
    """Patch TARGET (a checkout, or a script); if anything is in the way, all of it stays as it is."""
    from ..checkout.apply import apply

    with _warnings_as_lines():
        click.echo(apply(target))


@patching.command()
@_target
def revert(target: Path) -> None:
    """Make TARGET, to the byte, what it was before it was patched, but for what you edited since."""
    from ..checkout.apply import revert

    with _warnings_as_lines():
        click.echo(f"{target}: {len(revert(target))} files are without DO-Conv again")


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DOConvWarning)
        yield
    for warning in said:
        click.echo(warning.message, err=True)

"""Whole jobs on real data."""

from __future__ import annotations

from pathlib import Path

import click

from .common import teach


@click.group()
def demo() -> None:
    """Train on real data that comes with ordinary packages, plain against DO-Conv."""


@demo.command()
@click.option("--epochs", default=8, show_default=True, help="for each of the two networks")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs/classification"),
    show_default=True,
)
@teach
def classification(epochs: int, seed: int, output: Path) -> None:
    """CIFAR ResNet-20 on 5,000 real digits: train twice, fold, export, run by ONNX Runtime, compare."""
    from ..demos import classification as job
    from ..demos.fit import Recipe

    text = job.run(output, Recipe(epochs=epochs, seed=seed))
    click.echo(f"\n{text}\n\nWritten to {output}:")
    for name in sorted(path.name for path in output.iterdir()):
        click.echo(f"  {name}")

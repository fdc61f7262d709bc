"""The paper's figures."""

from __future__ import annotations

from pathlib import Path

import click

from .common import pattern


@click.group()
def figure() -> None:
    """Draw the paper's figures from your own training."""


@figure.command()
@click.argument("checkpoint")
@click.option(
    "--layers", default="", callback=pattern, help="regular expression; by default every DO-Conv layer"
)
@click.option("--output", help="PREFIX of the two files; by default the checkpoint's name")
def kernels(checkpoint: str, layers: str, output: str | None) -> None:
    """Figure 6: W, D, W′ and the heat map H = Σ|W′ − W| of every DO-Conv layer of a .params CHECKPOINT."""
    from ..lab.figures.kernels import draw_heat_maps, draw_kernels, read_layers

    found = read_layers(checkpoint, layers)
    prefix = output or str(Path(checkpoint).with_suffix(""))
    name = Path(checkpoint).name
    draw_kernels(
        found,
        f"{prefix}-kernels.png",
        f"{name}: brighter is larger; W and W′ on one scale, the others each on its own",
    )
    draw_heat_maps(found, f"{prefix}-heat-maps.png", f"{name}: H = Σ|W′ − W|, and its sum relative to Σ|W|")
    click.echo(f"{prefix}-kernels.png\n{prefix}-heat-maps.png")


@figure.command()
@click.argument("results")
@click.option("--output", default="curves.png", show_default=True, help="the file to write")
def curves(results: str, output: str) -> None:
    """Figure 5: training and validation curves, baseline against DO-Conv, from a RESULTS file of reproduce."""
    from ..lab.figures.curves import draw_curves
    from ..lab.records import read_results

    draw_curves(read_results(results), output)
    click.echo(output)

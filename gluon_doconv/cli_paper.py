"""The verbs of ``gluon-doconv`` that do what the paper reports."""

from __future__ import annotations

from pathlib import Path

import click

from .cli_common import shape, teach
from .errors import DOConvError


@click.command()
@click.argument("model")
@click.option("--input-shape", callback=shape, default="1,3,224,224", show_default=True)
@click.option("--d-mul", type=int, help="depth multiplier; by default M·N")
@click.option("--classes", type=int, help="if not the model's own number")
@teach
def macc(model: str, input_shape: tuple[int, ...], d_mul: int | None, classes: int | None) -> None:
    """Count what both compositions of a zoo MODEL cost: multiply-accumulates and memory, layer by layer.

    The paper's formulas (section 3) are held against counts of the operators in the graphs that are run.
    """
    import mxnet as mx

    from .convert import over_parameterize
    from .costing import costs
    from .zoo import build

    net = build(model, classes)
    net.initialize()
    net(mx.nd.zeros((1, *input_shape[1:])))
    over_parameterize(net, d_mul=d_mul)
    counted = costs(net, input_shape)
    click.echo(counted)
    if counted.disagreements:
        raise DOConvError(f"{len(counted.disagreements)} counts are not what the formulas say; see above")


@click.group()
def figure() -> None:
    """Draw the paper's figures from your own training."""


@figure.command()
@click.argument("checkpoint")
@click.option("--layers", default="", help="regular expression; by default every DO-Conv layer")
@click.option("--output", help="PREFIX of the two files; by default the checkpoint's name")
@teach
def kernels(checkpoint: str, layers: str, output: str | None) -> None:
    """Figure 6: W, D, W′ and the heat map H = Σ|W′ − W| of every DO-Conv layer of a .params CHECKPOINT."""
    from .figures.kernels import draw_heat_maps, draw_kernels, read_layers

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


COMMANDS = (macc, figure)

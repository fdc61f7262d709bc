"""The verbs of ``gluon-doconv`` that do what the paper reports."""

from __future__ import annotations

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


COMMANDS = (macc,)

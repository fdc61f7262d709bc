"""Networks of the zoo: what DO-Conv makes of them, and how they leave."""

from __future__ import annotations

import click

from ..core.config import DOConvConfig
from ..errors import DOConvError
from ..files import checkpoint
from ..files import export as graph
from .common import errors_as_messages, explain_shape_errors, shape
from .config_options import config_options


@click.command()
@click.argument("model")
@click.option("--input-shape", callback=shape, help="such as 1,3,224,224, to count MACCs and parameters")
@click.option("--classes", type=int, help="if not the model's own number")
@errors_as_messages
def summary(model: str, input_shape: tuple[int, ...] | None, classes: int | None) -> None:
    """Show what DO-Conv would make of a MODEL of GluonCV's zoo: layers, parameters, MACCs."""
    from ..core.convert import over_parameterize
    from ..costing.summary import summary as summarize
    from ..zoo.build import build

    net = build(model, classes)
    over_parameterize(net)
    with explain_shape_errors(model, input_shape):
        click.echo(summarize(net, input_shape))


@click.command()
@click.argument("model")
@click.option("--input-shape", callback=shape, default="1,3,224,224", show_default=True)
@config_options
@click.option("--classes", type=int, help="if not the model's own number")
@errors_as_messages
def macc(model: str, input_shape: tuple[int, ...], doconv: DOConvConfig, classes: int | None) -> None:
    """Count what both compositions of a zoo MODEL cost: multiply-accumulates and memory, layer by layer.

    The paper's formulas (section 3) are held against counts of the operators in the graphs that are run.
    """
    import mxnet as mx

    from ..core.convert import over_parameterize_selected
    from ..core.convolutions import find_convolutions
    from ..costing.compare import costs
    from ..zoo.build import build

    net = build(model, classes)
    net.initialize()
    with explain_shape_errors(model, input_shape):
        net(mx.nd.zeros((1, *input_shape[1:])))
        mx.nd.waitall()
        over_parameterize_selected(net, find_convolutions(net), doconv)
        counted = costs(net, input_shape)
    click.echo(counted)
    if counted.disagreements:
        raise DOConvError(f"{len(counted.disagreements)} counts are not what the formulas say; see above")


@click.command()
@click.argument("model")
@click.option("--params", required=True, help="a checkpoint of MODEL, plain or DO-Conv")
@click.option("--output", required=True, help="PREFIX of the files to write, or the .onnx file")
@click.option("--format", "form", type=click.Choice(["symbol", "onnx"]), default="symbol", show_default=True)
@click.option("--input-shape", callback=shape, default="1,3,224,224", show_default=True)
@click.option("--classes", type=int, help="if not the model's own number")
@errors_as_messages
def export(
    model: str, params: str, output: str, form: str, input_shape: tuple[int, ...], classes: int | None
) -> None:
    """Write a checkpoint of a zoo MODEL as a plain, folded network for deployment."""
    from ..zoo.build import build

    net = build(model, classes)
    checkpoint.load_folded(net, params)
    if form == "onnx":
        target = output if output.endswith(".onnx") else f"{output}.onnx"
        with explain_shape_errors(model, input_shape):
            click.echo(graph.export_onnx(net, target, input_shape))
    else:
        click.echo("\n".join(graph.export(net, output)))

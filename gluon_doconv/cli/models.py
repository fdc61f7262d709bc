"""Networks of the zoo: what DO-Conv makes of them, and how they leave."""

from __future__ import annotations

from typing import Any, Callable

import click

from ..core.config import DOConvConfig
from ..errors import DOConvError
from .common import shape
from .config_options import config_options
from .errors import explain_shape_errors


def _model(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the model it is about, and what says how that is built and run."""
    for decorate in (
        click.option("--classes", type=click.IntRange(1), help="if not the model's own number"),
        click.option(
            "--input-shape",
            callback=shape,
            metavar="N,C,H,W",
            help="such as 1,3,224,224, of videos 1,3,16,112,112; by default the model's own",
        ),
        click.argument("model"),
    ):
        command = decorate(command)
    return command


def _build(model: str, classes: int | None, wanted: tuple[int, ...] | None) -> tuple[Any, tuple[int, ...]]:
    """Build a network of the zoo, and return with it the shape of one of its inputs."""
    from ..zoo.build import build
    from ..zoo.input_shape import input_shape

    net = build(model, classes)
    return net, wanted or input_shape(model, net)


@click.command()
@_model
def summary(model: str, input_shape: tuple[int, ...] | None, classes: int | None) -> None:
    """Show what DO-Conv would make of a MODEL of GluonCV's zoo: layers, parameters, MACCs."""
    from ..core.convert import over_parameterize
    from ..costing.summary import summary as summarize

    net, given = _build(model, classes, input_shape)
    over_parameterize(net)
    with explain_shape_errors(model, given):
        counted = summarize(net, given)
    click.echo(f"{counted}\nCounted for an input of shape {given}.")


@click.command()
@config_options
@_model
def macc(model: str, input_shape: tuple[int, ...] | None, doconv: DOConvConfig, classes: int | None) -> None:
    """Count what both compositions of a zoo MODEL cost: multiply-accumulates and memory, layer by layer.

    The paper's formulas (section 3) are held against counts of the operators in the graphs that are run.
    """
    import mxnet as mx

    from ..core.convert import over_parameterize_selected
    from ..core.convolutions import find_convolutions
    from ..costing.compare import costs

    net, given = _build(model, classes, input_shape)
    net.initialize()
    with explain_shape_errors(model, given):
        net(mx.nd.zeros((1, *given[1:])))
        mx.nd.waitall()
        over_parameterize_selected(net, find_convolutions(net), doconv)
        counted = costs(net, given)
    click.echo(counted)
    if counted.disagreements:
        raise DOConvError(f"{len(counted.disagreements)} counts are not what the formulas say; see above")


@click.command()
@click.option("--params", required=True, help="a checkpoint of MODEL, plain or DO-Conv")
@click.option("--output", required=True, help="PREFIX of the files to write, or the .onnx file")
@click.option("--format", "form", type=click.Choice(["symbol", "onnx"]), default="symbol", show_default=True)
@_model
def export(
    model: str,
    params: str,
    output: str,
    form: str,
    input_shape: tuple[int, ...] | None,
    classes: int | None,
) -> None:
    """Write a checkpoint of a zoo MODEL as a plain, folded network for deployment."""
    from ..files import checkpoint
    from ..files import export as graph

    net, given = _build(model, classes, input_shape)
    checkpoint.load_folded(net, params)
    if form == "onnx":
        target = output if output.endswith(".onnx") else f"{output}.onnx"
        with explain_shape_errors(model, given):
            graph.export_onnx(net, target, given)
        click.echo(target)
    else:
        click.echo("\n".join(graph.export(net, output)))

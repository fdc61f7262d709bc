"""``gluon-doconv``: every verb is a thin call into the package."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path
from typing import Any, Callable

import click

from . import __version__, checkouts, checkpoint, graph
from .cli_common import numbers as _numbers
from .cli_common import shape as _shape
from .cli_common import teach as _teach
from .errors import DOConvWarning


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "auto_envvar_prefix": "GLUON_DOCONV",
    }
)
@click.version_option(__version__, prog_name="gluon-doconv")
def main() -> None:
    """Train GluonCV networks with DO-Conv, and fold them into ordinary ones."""


@main.command()
@click.argument("source")
@click.argument("target")
@click.option(
    "--epoch", default=0, show_default=True, help="of an exported graph: the number in its .params file"
)
@_teach
def fold(source: str, target: str, epoch: int) -> None:
    """Fold SOURCE into the plain TARGET; no network is needed.

    SOURCE is a .params file of save_parameters, or the prefix of an exported graph (PREFIX-symbol.json).
    """
    if source.endswith(".params"):
        layers = checkpoint.fold_params(source, target)
    else:
        layers = graph.fold_symbol(source, epoch, target)
    click.echo(f"{target}: {len(layers)} DO-Conv layers folded; what is left is a plain network")


@main.command()
@click.argument("file")
@_teach
def inspect(file: str) -> None:
    """Say which form a .params FILE is in: plain (or folded), or DO-Conv, and with which layers."""
    click.echo(checkpoint.inspect(file))


@main.command()
@click.argument("model")
@click.option("--input-shape", callback=_shape, help="such as 1,3,224,224, to count MACCs and parameters")
@click.option("--classes", type=int, help="if not the model's own number")
@_teach
def summary(model: str, input_shape: tuple[int, ...] | None, classes: int | None) -> None:
    """Show what DO-Conv would make of a MODEL of GluonCV's zoo: layers, parameters, MACCs."""
    from .convert import over_parameterize
    from .summary import summary as summarize
    from .zoo import build

    net = build(model, classes)
    over_parameterize(net)
    click.echo(summarize(net, input_shape))


@main.command()
@click.argument("model")
@click.option("--params", required=True, help="a checkpoint of MODEL, plain or DO-Conv")
@click.option("--output", required=True, help="PREFIX of the files to write, or the .onnx file")
@click.option("--format", "form", type=click.Choice(["symbol", "onnx"]), default="symbol", show_default=True)
@click.option("--input-shape", callback=_shape, default="1,3,224,224", show_default=True)
@click.option("--classes", type=int, help="if not the model's own number")
@_teach
def export(
    model: str, params: str, output: str, form: str, input_shape: tuple[int, ...], classes: int | None
) -> None:
    """Write a checkpoint of a zoo MODEL as a plain, folded network for deployment."""
    from .zoo import build

    net = build(model, classes)
    checkpoint.load_folded(net, params)
    if form == "onnx":
        target = output if output.endswith(".onnx") else f"{output}.onnx"
        click.echo(graph.export_onnx(net, target, input_shape))
    else:
        click.echo("\n".join(graph.export(net, output)))


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "module", is_flag=True, help="SCRIPT is the name of a module, as for python -m")
@click.option(
    "--include",
    multiple=True,
    envvar="GLUON_DOCONV_INCLUDE",
    help="regular expression on layer names; may be repeated",
)
@click.option(
    "--exclude",
    multiple=True,
    envvar="GLUON_DOCONV_EXCLUDE",
    help="regular expression on layer names; may be repeated",
)
@click.option(
    "--stages",
    envvar="GLUON_DOCONV_STAGES",
    callback=_numbers,
    help="the paper's stages, such as 0,1,2; 0 is the stem",
)
@click.option(
    "--part",
    envvar="GLUON_DOCONV_PART",
    type=click.Choice(["backbone", "head"]),
    help="of segmentation and detection models",
)
@click.option("--d-mul", envvar="GLUON_DOCONV_D_MUL", type=int, help="depth multiplier; by default M·N")
@click.option(
    "--d-initializer",
    envvar="GLUON_DOCONV_D_INITIALIZER",
    type=click.Choice(["identity", "he"]),
    default="identity",
    show_default=True,
)
@click.option("--off", is_flag=True, help="run the script plain")
@click.option(
    "--fold-on-save", is_flag=True, help="write each checkpoint folded as well, as NAME-folded.params"
)
@click.option(
    "--weights", type=click.Path(path_type=Path, exists=True, file_okay=False), help="pretrained files"
)
@click.option(
    "--no-mend", multiple=True, help="leave one obstacle of GluonCV's as it is; see the list it prints"
)
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_teach
def run(
    script: str,
    arguments: tuple[str, ...],
    module: bool,
    off: bool,
    fold_on_save: bool,
    weights: Path | None,
    no_mend: tuple[str, ...],
    **selection: Any,
) -> None:
    """Run SCRIPT unchanged, with DO-Conv in every network that GluonCV builds for it.

    Options before SCRIPT are these; whatever comes after it is the script's own. The selection can also be set
    in the environment, as GLUON_DOCONV_INCLUDE and so on.
    """
    from .runner import Job
    from .runner import run as run_job

    run_job(Job(script, arguments, module, None if off else selection, fold_on_save, weights, no_mend))


@main.group("patch")
def patching() -> None:
    """Give a checkout of GluonCV DO-Conv of its own: --doconv in its scripts, GLUON_DOCONV=1 for all of it."""


_checkout = click.argument("checkout", type=click.Path(path_type=Path, exists=True, file_okay=False))


@patching.command()
@_checkout
@_teach
def check(checkout: Path) -> None:
    """Say which version CHECKOUT is, and which of its files are patched. Changes nothing."""
    found = checkouts.check(checkout)
    click.echo(found)
    for path in found.content:
        click.echo(f"  {'patched' if path in found.patched else 'upstream'}  {path}")


@patching.command()
@_checkout
@_teach
def apply(checkout: Path) -> None:
    """Patch CHECKOUT; if anything is in the way, all of it stays as it is."""
    _change(checkouts.apply, checkout)


@patching.command()
@_checkout
@_teach
def revert(checkout: Path) -> None:
    """Make CHECKOUT, to the byte, what it was before it was patched."""
    _change(checkouts.revert, checkout)


def _change(verb: Callable[[Path], checkouts.Checkout], checkout: Path) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DOConvWarning)
        click.echo(verb(checkout))
    for warning in said:
        click.echo(warning.message, err=True)


@main.group()
def data() -> None:
    """Write small data sets of real pixels in the layouts GluonCV reads, to rehearse its scripts."""


def _height_and_width(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    sizes = value.split("x")
    if len(sizes) != 2 or not all(size.isdecimal() for size in sizes):
        raise click.BadParameter(f"{value!r} is not of the form 240x320")
    return int(sizes[0]), int(sizes[1])


def _data_set(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what the writers of all layouts take."""
    for decorate in (
        _teach,
        click.option("--seed", default=0, show_default=True),
        click.option(
            "--images", default=40, show_default=True, help="to train on; a quarter as many to validate on"
        ),
        click.argument("folder", metavar="DIR"),
    ):
        command = decorate(command)
    return command


_size = click.option("--size", callback=_height_and_width, metavar="HxW", help="of the images, in pixels")


def _write_data(layout: str, folder: str, **options: Any) -> None:
    from .datasets import LAYOUTS, write

    path = write(layout, folder, **options)
    home = f"~/.mxnet/datasets/{LAYOUTS[layout].HOME}"
    click.echo(f"Written: {path}\nGluonCV looks for it in {home}; to lead it there:")
    click.echo(f"  mkdir -p ~/.mxnet/datasets && ln -sT {shlex.quote(str(path))} {home}")


@data.command()
@_size
@_data_set
def voc(**options: Any) -> None:
    """PASCAL VOC 2007 and 2012 and SBD: boxes and masks."""
    _write_data("voc", **options)


@data.command()
@_size
@_data_set
def coco(**options: Any) -> None:
    """MS COCO 2017: boxes and masks."""
    _write_data("coco", **options)


@data.command()
@_size
@_data_set
def cityscapes(**options: Any) -> None:
    """Cityscapes: masks."""
    _write_data("cityscapes", **options)


@data.command()
@_data_set
def cifar(**options: Any) -> None:
    """CIFAR-10: classes of 32x32 images."""
    _write_data("cifar", **options)


@data.command()
@click.option("--rec", is_flag=True, help="RecordIO files as well, for --use-rec")
@_size
@_data_set
def imagenet(**options: Any) -> None:
    """ImageNet: classes, a folder each."""
    _write_data("imagenet", **options)


@main.group()
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
@_teach
def classification(epochs: int, seed: int, output: Path) -> None:
    """CIFAR ResNet-20 on 5,000 real digits: train twice, fold, export, run by ONNX Runtime, compare."""
    from .demos import classification as job
    from .demos.fit import Recipe

    text = job.run(output, Recipe(epochs=epochs, seed=seed))
    click.echo(f"\n{text}\n\nWritten to {output}:")
    for name in sorted(path.name for path in output.iterdir()):
        click.echo(f"  {name}")


def _add_the_papers() -> None:
    from . import cli_paper

    for command in cli_paper.COMMANDS:
        main.add_command(command)


_add_the_papers()

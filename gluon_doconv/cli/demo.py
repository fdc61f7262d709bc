"""Whole jobs on real data."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Callable

import click

from ..lab.tracking import Tracker
from .common import tensorboard_option, use_physical_cores


@click.group()
def demo() -> None:
    """Train on real data that comes with ordinary packages, plain against DO-Conv."""


def _job(epochs: int, images: int | None = None) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of a function named like its module in ``demos``, with what all jobs take."""

    def decorate(command: Any) -> click.Command:
        name = command.__name__
        output = click.Path(path_type=Path, file_okay=False)
        options: list[Callable[[Any], Any]] = [
            click.option("--output", type=output, default=Path("runs", name), show_default=True),
            click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
            click.option(
                "--epochs",
                type=click.IntRange(1),
                default=epochs,
                show_default=True,
                help="for each of the two networks",
            ),
            tensorboard_option,
        ]
        if images is not None:
            text = "to train on; a quarter as many validate"
            options.append(
                click.option("--images", type=click.IntRange(1), default=images, show_default=True, help=text)
            )
        for option in options:
            command = option(command)
        return demo.command()(command)

    return decorate


def _run(name: str, output: Path, tracker: Tracker, **settings: Any) -> None:
    use_physical_cores()
    job = import_module(f"..lab.demos.{name}", __package__)
    text = job.demo(tracker=tracker, **settings).run(output)
    click.echo(f"\n{text}\n\nWritten to {output}:")
    for path in sorted(output.iterdir()):
        click.echo(f"  {path.name}{'/' if path.is_dir() else ''}")


@_job(epochs=8)
def classification(**options: Any) -> None:
    """CIFAR ResNet-20 on 5,000 real digits: train twice, fold, export, run by ONNX Runtime, compare."""
    _run("classification", **options)


@_job(epochs=6, images=240)
def segmentation(**options: Any) -> None:
    """DeepLabv3-ResNet50 on digits on photographs, in VOC's layout: the same, compared by mIoU."""
    _run("segmentation", **options)


@_job(epochs=6, images=400)
def detection(**options: Any) -> None:
    """Faster R-CNN-FPN on digits on photographs, in COCO's layout: the same, compared by COCO's AP."""
    _run("detection", **options)

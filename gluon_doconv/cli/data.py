"""Data sets to rehearse with."""

from __future__ import annotations

import shlex
from typing import Any, Callable

import click


@click.group()
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
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
        click.option(
            "--images",
            type=click.IntRange(1),
            default=40,
            show_default=True,
            help="to train on; a quarter as many to validate on",
        ),
        click.argument("folder", metavar="DIR"),
    ):
        command = decorate(command)
    return command


_size = click.option("--size", callback=_height_and_width, metavar="HxW", help="of the images, in pixels")


def _write_data(layout: str, folder: str, **options: Any) -> None:
    from ..lab.datasets import LAYOUTS, write

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

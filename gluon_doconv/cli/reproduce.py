"""The paper's tables."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import DOConvError
from ..lab.tracking import Tracker
from .common import pattern, tensorboard_option, use_physical_cores

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("table")
@click.option(
    "--data", type=FOLDER, help="folder of the data sets: cifar10, cifar100, imagenet, voc, citys, coco"
)
@click.option("--gluoncv", type=FOLDER, help="a checkout of GluonCV, for its scripts: tables 2 to 7")
@click.option("--smoke", is_flag=True, help="a few bundled digits and two epochs instead: does everything run?")
@click.option("--seeds", type=click.IntRange(1), help="how many; by default 5, of digits 10, with --smoke 2")
@click.option("--columns", callback=pattern, help="regular expression on the table's columns; by default all")
@click.option("--output", type=FOLDER, help="by default runs/TABLE")
@tensorboard_option
def reproduce(
    table: str,
    data: Path | None,
    gluoncv: Path | None,
    smoke: bool,
    seeds: int | None,
    columns: str | None,
    output: Path | None,
    tracker: Tracker,
) -> None:
    """Train what a TABLE of the paper reports, baseline and DO-Conv, over seeds, and write it.

    \b
    TABLE is one of
      table1  Plain-20 and ResNet-v1 and v2 of 20 to 164 layers, CIFAR-10 and 100
      table2  Plain-18 and ResNet-v1, v1b and v2 of 18 to 152 layers, ImageNet
      table3  MobileNet v1 to v3 (DO-DConv) and ResNeXt-50 (DO-GConv), ImageNet
      table4  DeepLabv3 on a backbone plain or DO-Conv, PASCAL VOC and Cityscapes
      table5  Faster R-CNN on a backbone plain or DO-Conv, COCO
      table6  DO-Conv in some stages, CIFAR-100 and ImageNet
      table7  D from the identity and from He's initialization, ImageNet
      table8  depth multipliers of 9, 25 and 36, CIFAR-100
      digits  what tables 1, 6, 7 and 8 ask, asked of bundled digits

    Killed and started again it goes on after the last epoch that was saved; several processes may share the
    work. Results, table and curves are in the output folder.
    """
    use_physical_cores()
    from ..lab.experiments import catalogue
    from ..lab.experiments import reproduce as room

    if table not in catalogue.TABLES:
        raise DOConvError(f"there is no {table!r}; there are {', '.join(catalogue.TABLES)}")
    chosen = catalogue.TABLES[table]()
    if columns:
        chosen = room.only(chosen, columns)
    where = output or Path("runs") / (f"{table}-smoke" if smoke else table)
    if smoke:
        chosen = catalogue.smoke(chosen)
        data = data or (catalogue.smoke_data(where / "data") if gluoncv else None)
    number = seeds or (2 if smoke else catalogue.SEEDS.get(table, 5))
    text = room.reproduce(chosen, where, range(number), room.Sources(data, gluoncv), _say, tracker)
    click.echo(f"{text}\nWritten: {', '.join(str(path) for path in room.outputs(chosen, where))}")


def _say(line: str) -> None:
    click.echo(line, err=True)

"""Every table by its name, and all of them in small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

from .. import datasets
from ..configuration import Command, Configuration, Recipe
from .cifar import digits, table1, table8
from .imagenet import table2, table3, table6, table7
from .script_adapters import Classification, Detection, Segmentation
from .tables import Table
from .two_stages import table4, table5

TABLES: dict[str, Callable[[], Table]] = {
    factory.__name__: factory
    for factory in (table1, table2, table3, table4, table5, table6, table7, table8, digits)
}
SEEDS = {"digits": 10}  # the paper's tables have five

SMOKE = Recipe(epochs=2, batch_size=32)
SMOKE_DATA = "128-100"
SMOKE_NOTE = (
    "SMOKE RUN: 128 bundled digits in place of the paper's data, 100 others to validate on, "
    f"{SMOKE.epochs} epochs. It shows that everything runs; the accuracies mean nothing."
)
SMOKE_COMMANDS = {  # what is added to the arguments of a script, and its batches
    Classification.path: ("-j 2 --input-size 64 --num-training-samples 32 --warmup-epochs 0", 8),
    Segmentation.path: ("--base-size 96 --crop-size 96 --workers 0 --test-batch-size 2", 2),
    Detection.path: ("-j 0", 1),
}
SMOKE_DATA_SETS = {"imagenet": "imagenet", "voc": "voc", "cityscapes": "citys", "coco": "coco"}
THIN = (64, 256)  # pixels; detection scales the shorter side up
SMOKE_SCRIPT_NOTE = (
    "SMOKE RUN: a few bundled digits on bundled photographs in place of the paper's data, one epoch of either "
    "stage. It shows that everything runs; the figures mean nothing."
)


def smoke(table: Table) -> Table:
    """Replace a table's data by a few digits, and its epochs by two, or in trainings by scripts by one."""
    if any(configuration.backbone for configuration in table.configurations()):
        return table.with_configurations(_small_script, SMOKE_SCRIPT_NOTE)
    return table.with_configurations(_small, SMOKE_NOTE)


def smoke_data(folder: Path) -> Path:
    """Write the data sets that scripts are to be tried on, where they are not there yet, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    for layout, name in SMOKE_DATA_SETS.items():
        if not (folder / name).exists():
            options: dict[str, Any] = {"rec": True} if layout == "imagenet" else {}
            size = THIN if layout in ("voc", "coco") else None
            datasets.write(layout, folder / name, images=32 if options else 4, size=size, **options)
    return folder


def _small(configuration: Configuration) -> Configuration:
    kind = "rgbdigits" if configuration.data == "imagenet" else "digits"
    return replace(configuration, data=f"{kind}-{SMOKE_DATA}", recipe=SMOKE)


def _small_script(configuration: Configuration) -> Configuration:
    recipe = configuration.recipe
    assert isinstance(recipe, Command)
    more, batch_size = SMOKE_COMMANDS[recipe.script]
    arguments = (*recipe.arguments, *more.split())
    small = replace(recipe, arguments=arguments, epochs=1, batch_size=batch_size)
    backbone = configuration.backbone and _small_script(configuration.backbone)
    return replace(configuration, recipe=small, backbone=backbone)

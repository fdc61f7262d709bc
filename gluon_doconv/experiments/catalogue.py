"""Every table by its name, and all of them in small."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable

from .cifar import digits, table1, table8
from .configuration import Configuration, Recipe
from .imagenet import table2, table3, table6, table7
from .tables import Table

TABLES: dict[str, Callable[[], Table]] = {
    factory.__name__: factory for factory in (table1, table2, table3, table6, table7, table8, digits)
}
SEEDS = {"digits": 10}  # the paper's tables have five
SMOKE = Recipe(epochs=2, batch_size=32)
SMOKE_DATA = "320-200"
SMOKE_NOTE = (
    "SMOKE RUN: 320 bundled digits in place of the paper's data, 200 others to validate on, "
    f"{SMOKE.epochs} epochs. It shows that everything runs; the accuracies mean nothing."
)


def smoke(table: Table) -> Table:
    """The same networks and variants on a few digits, for two epochs."""

    def small(configuration: Configuration) -> Configuration:
        kind = "rgbdigits" if configuration.data == "imagenet" else "digits"
        return replace(configuration, data=f"{kind}-{SMOKE_DATA}", recipe=SMOKE)

    return table.with_configurations(small, SMOKE_NOTE)

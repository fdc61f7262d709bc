"""Tables 4 and 5: a backbone trained on ImageNet, then segmentation or detection; each plain or DO-Conv."""

from __future__ import annotations

from dataclasses import replace

from ..configuration import BASELINE, DOCONV, Command, Configuration, Variant
from .imagenet import on_imagenet
from .script_adapters import AVERAGE_PRECISIONS, Detection, Segmentation
from .tables import Cell, Row, Table

# GluonCV publishes no command for DeepLabv3 on Cityscapes; this is the one for its PSPNet and DANet there.
CITYSCAPES = Command(
    Segmentation.path,
    tuple(["--aux", "--lr", "0.01", "--base-size", "2048", "--crop-size", "768", "--workers", "48"]),
    epochs=240,
    batch_size=8,
)
# GluonCV's DeepLabv3 for VOC comes by way of COCO; the paper speaks of two stages, so this is the last alone.
VOC = Command(Segmentation.path, tuple(["--aux", "--lr", "0.001", "--workers", "16"]), epochs=50, batch_size=16)
COCO = Command(Detection.path, tuple(["--use-fpn", "--lr-decay-epoch", "17,23"]), epochs=26, batch_size=8)

STAGES = {  # backbone and second stage: the paper's differences on VOC and Cityscapes, and on COCO
    (BASELINE, DOCONV): ((0.25, 1.45), (0.0, 0.4, -0.2, 0.7, 0.6, -1.0)),
    (DOCONV, DOCONV): ((0.05, 0.82), (0.3, 0.4, 0.3, 1.0, 0.3, 0.0)),
}


def table4() -> Table:
    """Lay out Table 4: DeepLabv3 on PASCAL VOC, with ResNet-101, and on Cityscapes, with ResNet-50."""
    voc = Configuration("pascal_voc", "resnet101", BASELINE, VOC, on_imagenet("resnet101_v1s"))
    cityscapes = Configuration("citys", "resnet50", BASELINE, CITYSCAPES, on_imagenet("resnet50_v1s"))
    bases = {voc: 88.59, cityscapes: 78.71}
    rows = [Row("Baseline, Baseline", tuple(Cell(paper, base) for base, paper in bases.items()))]
    for (backbone, second), (figures, _) in STAGES.items():
        cells = (Cell(gain, _with(base, backbone, second), base) for base, gain in zip(bases, figures))
        rows.append(Row(f"{_said(backbone)}, {_said(second)}", tuple(cells)))
    title = "Mean IoU (%); rows: backbone, segmentation"
    return Table("table4", title, ("PASCAL VOC", "Cityscapes"), tuple(rows), VOC_NOTE)


def table5() -> Table:
    """Lay out Table 5: Faster R-CNN with feature pyramid and ResNet-50 on COCO."""
    base = Configuration("coco", "resnet50_v1b", BASELINE, COCO, on_imagenet("resnet50_v1b"))
    figures = dict(zip(AVERAGE_PRECISIONS, (37.9, 59.5, 41.2, 21.4, 41.4, 49.6)))
    rows = [Row("Baseline, Baseline", tuple(Cell(paper, base, metric=m) for m, paper in figures.items()))]
    for (backbone, second), (_, gains) in STAGES.items():
        ours = _with(base, backbone, second)
        cells = (Cell(gain, ours, base, metric) for metric, gain in zip(figures, gains))
        rows.append(Row(f"{_said(backbone)}, {_said(second)}", tuple(cells)))
    title = "Average precision (%) on COCO; rows: backbone, detection"
    return Table("table5", title, AVERAGE_PRECISIONS, tuple(rows))


VOC_NOTE = (
    "PASCAL VOC: fine-tuned from the ImageNet backbone on VOC 2012 alone, with the script's own settings: "
    "GluonCV's published command goes by way of COCO, and the paper speaks of two stages."
)


def _with(base: Configuration, backbone: Variant, second: Variant) -> Configuration:
    assert base.backbone is not None
    return replace(base, variant=second, backbone=replace(base.backbone, variant=backbone))


def _said(variant: Variant) -> str:
    return "DO-Conv" if variant.doconv else "Baseline"

"""Detectors besides Faster R-CNN: SSD, YOLOv3, CenterNet, Mask R-CNN, Double Head."""

from __future__ import annotations

from gluoncv.model_zoo import get_model

from .case import Case
from .detection import LARGEST
from .finetuning import same_folded, trains
from .folding import Network
from .run import dies

ONE_SHOT = "-j 0 --epochs 1 --batch-size 1 --save-interval 1 --save-prefix params/ --gpus="
RCNN = "-j 0 --epochs 1 --batch-size 1 --kv-store local --log-interval 1 --save-prefix params/ --gpus="
DOUBLE = "detection/faster_rcnn/train_doublehead_rcnn.py"
UNMATCHED = "convpredictor|expand|bssd0_conv"  # of an SSD's larger anchors, into which nothing fits
METRIC = r"(?:mAP|Mean ?AP .*\n) (\S+)"


def _one_shot(
    folder: str, script: str, kind: str, network: str, dataset: str, size: int, extra: str = "", gpus: str = ""
) -> Case:
    name = "_".join((kind, network, dataset))
    words = f"--network {network} --data-shape {size} --dataset {dataset}"
    net = Network(lambda: get_model(name, pretrained_base=False), (1, 3, size, size))
    saved = f"params/{name}_0000_*.params"
    evaluate = f"detection/{folder}/eval_{folder}.py"
    evaluated = same_folded(
        *("evaluated", evaluate, f"{words} -j 0 --batch-size 1 {gpus} --pretrained", f"train/{saved}", METRIC),
        "eval prints the same, folded and plain",
    )
    title = f"{script} {network}, {dataset}; eval_{folder}"
    train = f"{words} {extra} {ONE_SHOT}"
    script = f"detection/{folder}/{script}.py"
    return trains(
        title,
        script,
        train,
        saved,
        net,
        *evaluated,
        may_rest=UNMATCHED if folder == "ssd" else "$^",
        model=name,
    )


def _mask_rcnn(network: str) -> Case:
    name, words = f"mask_rcnn_fpn_{network}_coco", f"--network {network} --dataset coco --use-fpn"
    saved = f"params/{name}_0000_*.params"
    evaluated = same_folded(
        *("evaluated", "instance/mask_rcnn/eval_mask_rcnn.py", f"{words} -j 0 --gpus= --pretrained"),
        *(f"train/{saved}", METRIC, "eval prints the same, folded and plain"),
    )
    return trains(
        f"train_mask_rcnn FPN {network}, coco; eval_mask_rcnn",
        "instance/mask_rcnn/train_mask_rcnn.py",
        f"{words} {RCNN}",
        saved,
        Network(lambda: get_model(name, pretrained_base=False), (1, 3, 96, 160)),
        *evaluated,
        may_rest=LARGEST,
    )


def _double_head() -> Case:
    name = "doublehead_rcnn_resnet50_v1b_voc"
    return trains(
        "train_doublehead_rcnn C4 resnet50_v1b, voc",
        DOUBLE,
        f"--network resnet50_v1b --dataset voc {RCNN}",
        f"params/{name}_0000_*.params",
        Network(lambda: get_model(name, pretrained_base=False), (1, 3, 96, 160)),
    )


CASES: tuple[Case, ...] = (
    _one_shot("ssd", "train_ssd", "ssd_300", "resnet34_v1b", "voc", 300, gpus="--num-gpus 0"),
    _one_shot("ssd", "train_ssd", "ssd_512", "mobilenet1.0", "coco", 512, gpus="--num-gpus 0"),
    _one_shot("yolo", "train_yolo3", "yolo3", "mobilenet1.0", "voc", 320, "--no-random-shape", "--gpus="),
    _one_shot("yolo", "train_yolo", "yolo3", "mobilenet1.0", "coco", 320, "--no-random-shape", "--gpus="),
    _one_shot("center_net", "train_center_net", "center_net", "resnet18_v1b", "voc", 256, gpus="--gpus="),
    _mask_rcnn("resnet18_v1b"),
    _double_head(),
    Case(
        "train_doublehead_rcnn custom-model FPN resnet18_v1b, voc",
        (dies(DOUBLE, f"--network resnet18_v1b --dataset voc {RCNN} custom-model --no-pretrained-base"),),
        (DOUBLE,),
    ),
)

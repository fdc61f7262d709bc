"""train_faster_rcnn.py and eval_faster_rcnn.py: C4 and FPN, as in the paper's Table 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gluoncv.data import VOCDetection
from gluoncv.model_zoo import get_model

from .case import Case
from .classification import IMAGENET
from .deployment import exports
from .finetuning import FineTuning, same_folded
from .folding import Network
from .run import Run

TRAIN = "detection/faster_rcnn/train_faster_rcnn.py"
EVALUATE = "detection/faster_rcnn/eval_faster_rcnn.py"
PYRAMID = ("P2_conv", "P3_conv", "P4_conv", "P5_conv", "P6_conv")
LARGEST = "P[56]_conv"  # their anchors, of 256 and 512 pixels, may not fit into images quick to train on
METRIC = r"(?:mAP|MeanAP .*\n) (\S+)"
SHAPE = (1, 3, 96, 160)

CUSTOM_WORDS = (  # an FPN of one's own sizes
    "--epochs 1 --lr-warmup=-1 custom-model --no-pretrained-base --image-short 96 --image-max-size 192 "
    "--rpn-train-pre-nms 500 --rpn-train-post-nms 100 --rpn-test-pre-nms 300 --rpn-test-post-nms 50 "
    "--rcnn-num-samples 32 --rpn-channel 64 --num-fpn-filters 64 --num_box_head_dense_filters 128 "
    "--anchor-scales 1,1,1,1,1"  # within the small images
)
CUSTOM_SIZES = {
    **{"num_fpn_filters": 64, "num_box_head_dense_filters": 128, "rpn_channel": 64},
    **{"min_stage": 2, "max_stage": 6, "strides": (4, 8, 16, 32, 64), "scales": (1, 1, 1, 1, 1)},
    **{"alloc_size": (384, 384), "roi_size": (7, 7)},
}


@dataclass(frozen=True)
class FasterRCNN(FineTuning):
    """A Faster R-CNN for VOC or COCO, with a feature pyramid or without."""

    dataset: str = "voc"
    fpn: bool = False

    @property
    def words(self) -> str:
        """The options that choose it, for both scripts."""
        pyramid = "--use-fpn " if self.fpn else ""
        return f"{pyramid}--network {self.base} --dataset {self.dataset} -j 0 --gpus="

    @property
    def title(self) -> str:
        """What is trained, in the table."""
        return f"train_faster_rcnn {'FPN' if self.fpn else 'C4'} {self.base}, {self.dataset}"

    def run(self, folder: str, arguments: str, options: str = "", epoch: int | None = None) -> Run:
        """Run train_faster_rcnn.py."""
        common = f"{self.words} --batch-size 1 --kv-store local --save-prefix params/"
        return Run(folder, TRAIN, f"{common} {arguments}", options, epoch)

    def saved(self, folder: str, epoch: int = 0) -> str:
        """Return the pattern of a checkpoint."""
        return f"{folder}/params/*_{epoch:04d}_*.params"


def _in_zoo(name: str, **sizes: Any) -> Network:
    return Network(lambda: get_model(name, pretrained_base=False, **sizes), SHAPE)


C4_ZOO, FPN_ZOO = "faster_rcnn_resnet50_v1b_voc", "faster_rcnn_fpn_resnet50_v1b_coco"
C4 = FasterRCNN("resnet50_v1b", _in_zoo(C4_ZOO))
FPN = FasterRCNN("resnet50_v1b", _in_zoo(FPN_ZOO), PYRAMID, LARGEST, dataset="coco", fpn=True)
CUSTOM = FasterRCNN(
    "resnet18_v1b",
    _in_zoo(
        "custom_faster_rcnn_fpn",
        **{"classes": VOCDetection.CLASSES, "transfer": None, "base_network_name": "resnet18_v1b"},
        **CUSTOM_SIZES,
    ),
    PYRAMID,
    fpn=True,
)


def _resume(detector: FasterRCNN, name: str) -> Case:
    saved = detector.saved("whole", 1)
    evaluate, finding = f"{detector.words} --pretrained", "eval prints the same, folded and plain"
    steps = (
        # The script keeps no optimiser states, so there must be none.
        *detector.resume("--momentum 0 --lr-warmup=-1", "--start-epoch 1 --resume", "without momentum"),
        *same_folded("evaluated", EVALUATE, evaluate, saved, METRIC, finding),
        *exports(name, saved, *SHAPE[2:]),
    )
    return Case(f"{detector.title}, --resume; eval_faster_rcnn", steps, (TRAIN, EVALUATE))


def _doconv_base(detector: FasterRCNN) -> Case:
    steps = detector.from_doconv_base("--lr 0.0001 --use-pretrained", "--lr 0.00001 --lr-warmup=-1")
    return Case(f"{detector.title}, base trained with DO-Conv", steps, (TRAIN, IMAGENET))


CASES: tuple[Case, ...] = (
    _resume(C4, C4_ZOO),
    _resume(FPN, FPN_ZOO),
    Case(
        "train_faster_rcnn custom-model FPN resnet18_v1b, voc",
        (CUSTOM.run("train", CUSTOM_WORDS), CUSTOM.folds(CUSTOM.saved("train"))),
        (TRAIN,),
    ),
    _doconv_base(C4),
    _doconv_base(FPN),
)

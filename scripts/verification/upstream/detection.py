"""train_faster_rcnn.py and eval_faster_rcnn.py: C4 and FPN, as in the paper's Table 5."""

from __future__ import annotations

from gluoncv.data import VOCDetection
from gluoncv.model_zoo import get_model

from .case import Case, Step
from .classification import IMAGENET, REC, imagenet_network, imagenet_run
from .comparing import Arrives, Resumes, SamePrints
from .deployment import exports
from .folding import Folds, Network
from .run import Give, Run

TRAIN = "detection/faster_rcnn/train_faster_rcnn.py"
EVALUATE = "detection/faster_rcnn/eval_faster_rcnn.py"
PYRAMID = ("P2_conv", "P3_conv", "P4_conv", "P5_conv", "P6_conv")
LARGEST = "P[56]_conv"  # their anchors, of 256 and 512 pixels, may not fit into images quick to train on
METRIC = r"(?:mAP|MeanAP .*\n) (\S+)"


def _zoo(base: str, dataset: str, fpn: bool) -> str:
    return f"faster_rcnn_{'fpn_' if fpn else ''}{base}_{dataset}"


def _network(base: str, dataset: str, fpn: bool) -> Network:
    name = _zoo(base, dataset, fpn)
    return Network(lambda: get_model(name, pretrained_base=False), (1, 3, 96, 160))


def _run(
    folder: str, base: str, dataset: str, fpn: bool, arguments: str, options: str = "", epoch: int | None = None
) -> Run:
    common = f"--network {base} --dataset {dataset} -j 0 --batch-size 1 --gpus= --kv-store local"
    return Run(
        folder,
        TRAIN,
        f"{common} {'--use-fpn ' if fpn else ''}--save-prefix params/ {arguments}",
        options,
        epoch,
    )


def _saved(folder: str, epoch: int = 0) -> str:
    return f"{folder}/params/*_{epoch:04d}_*.params"


def _resume(base: str, dataset: str, fpn: bool) -> Case:
    # The script keeps no optimiser states, so there must be none.
    first, second = _saved("whole", 0), _saved("whole", 1)
    common = "--epochs 2 --momentum 0 --lr-warmup=-1"
    steps = (
        _run("whole", base, dataset, fpn, common, epoch=0),
        _run("resumed", base, dataset, fpn, f"{common} --start-epoch 1 --resume @{first}", epoch=1),
        Folds(second, _network(base, dataset, fpn), PYRAMID if fpn else (), may_rest=LARGEST),
        Resumes(first, second, _saved("resumed", 1), "without momentum"),
        *_starts(base, dataset, fpn),
        *_evaluations(base, dataset, fpn, second),
        *exports(_zoo(base, dataset, fpn), second, (96, 160)),
    )
    kind = "FPN" if fpn else "C4"
    return Case(
        f"train_faster_rcnn {kind} {base}, {dataset}, --resume; eval_faster_rcnn", steps, (TRAIN, EVALUATE)
    )


def _evaluations(base: str, dataset: str, fpn: bool, saved: str) -> tuple[Step, ...]:
    """eval_faster_rcnn prints the same for the checkpoint as for the folded file in a plain network."""
    common = f"--network {base} --dataset {dataset} -j 0 --gpus= {'--use-fpn ' if fpn else ''}--pretrained"
    return (
        Run("evaluated", EVALUATE, f"{common} @{saved}"),
        Run("evaluated folded", EVALUATE, f"{common} @folded.params", "--off"),
        SamePrints("evaluated", "evaluated folded", METRIC, "eval prints the same, folded and plain"),
    )


def _starts(base: str, dataset: str, fpn: bool, options: str = "") -> tuple[Step, ...]:
    """The backbone starts from the pretrained file, plain or DO-Conv."""
    network, classifier = _network(base, dataset, fpn), imagenet_network(base)
    return (
        _run("still", base, dataset, fpn, "--epochs 1 --lr 0", options),
        Arrives(
            f"weights/{base}.params", classifier, _saved("still"), network, "backbone starts from its file"
        ),
    )


def _doconv_base(base: str, dataset: str, fpn: bool) -> Case:
    """ImageNet weights trained with DO-Conv, W and D, into a detector that is fine-tuned with DO-Conv."""
    weights, network = "--weights ../weights", _network(base, dataset, fpn)
    steps = (
        imagenet_run("base", base, f"{REC} -j 2 --mode hybrid --lr 0.0001 --use-pretrained"),
        Give("base/params/imagenet-*-0.params", base),
        *_starts(base, dataset, fpn, weights),
        _run("train", base, dataset, fpn, "--epochs 1 --lr 0.00001 --lr-warmup=-1", weights),
        Folds(_saved("train"), network, PYRAMID if fpn else (), _saved("still"), LARGEST),
    )
    name = f"train_faster_rcnn {'FPN' if fpn else 'C4'} {base}, {dataset}, base trained with DO-Conv"
    return Case(name, steps, (TRAIN, IMAGENET))


def _custom() -> Case:
    """``custom-model``: an FPN of one's own sizes."""
    sizes = {"num_fpn_filters": 64, "num_box_head_dense_filters": 128, "rpn_channel": 64}
    arguments = (
        "--epochs 1 --lr-warmup=-1 custom-model --no-pretrained-base --image-short 96 --image-max-size 192 "
        "--rpn-train-pre-nms 500 --rpn-train-post-nms 100 --rpn-test-pre-nms 300 --rpn-test-post-nms 50 "
        "--rcnn-num-samples 32 --rpn-channel 64 --num-fpn-filters 64 --num_box_head_dense_filters 128 "
        "--anchor-scales 1,1,1,1,1"  # within the small images
    )
    build = Network(
        lambda: get_model(
            "custom_faster_rcnn_fpn",
            classes=VOCDetection.CLASSES,
            transfer=None,
            pretrained_base=False,
            base_network_name="resnet18_v1b",
            min_stage=2,
            max_stage=6,
            strides=(4, 8, 16, 32, 64),
            scales=(1, 1, 1, 1, 1),
            alloc_size=(384, 384),
            roi_size=(7, 7),
            **sizes,
        ),
        (1, 3, 96, 160),
    )
    steps = (
        _run("train", "resnet18_v1b", "voc", True, arguments),
        Folds(_saved("train"), build, PYRAMID),
    )
    return Case("train_faster_rcnn custom-model FPN resnet18_v1b, voc", steps, (TRAIN,))


CASES: tuple[Case, ...] = (
    _resume("resnet50_v1b", "voc", False),
    _resume("resnet50_v1b", "coco", True),
    _custom(),
    _doconv_base("resnet50_v1b", "voc", False),
    _doconv_base("resnet50_v1b", "coco", True),
)

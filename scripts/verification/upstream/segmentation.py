"""segmentation/train.py and test.py: DeepLabv3, and both rows of the paper's Table 4."""

from __future__ import annotations

from gluoncv.model_zoo.segbase import get_segmentation_model

from .case import Case, Step
from .classification import IMAGENET, REC, imagenet_network, imagenet_run
from .comparing import Arrives, Resumes, SamePrints
from .deployment import exports
from .folding import Folds, Network
from .run import Give, Run

TRAIN = "segmentation/train.py"
TEST = "segmentation/test.py"
PLAIN = "--off"
FOLDED = "@folded.params"


def _network(backbone: str, dataset: str) -> Network:
    chosen = {"dataset": dataset, "backbone": backbone, "pretrained_base": False, "aux": True, "crop_size": 96}
    return Network(lambda: get_segmentation_model("deeplab", **chosen), (1, 3, 96, 96))


def _model(backbone: str, dataset: str) -> str:
    sizes = "--base-size 96 --crop-size 96"
    return f"--model deeplab --backbone {backbone} --dataset {dataset} --aux {sizes} --workers 0"


def _run(
    folder: str, backbone: str, dataset: str, arguments: str, options: str = "", repeatable: bool = False
) -> Run:
    common = f"{_model(backbone, dataset)} --no-cuda --batch-size 2 --test-batch-size 2 --save-dir params"
    epoch = (1 if "--start_epoch" in arguments else 0) if repeatable else None
    return Run(folder, TRAIN, f"{common} {arguments}", options, epoch, constant_lr=repeatable)


def _saved(folder: str, epoch: int = 0) -> str:
    return f"{folder}/params/epoch_{epoch:04d}_*.params"


def _train(backbone: str, dataset: str, exporting: tuple[Step, ...] = ()) -> Case:
    steps = (
        _run("train", backbone, dataset, "--epochs 1"),
        Folds(_saved("train"), _network(backbone, dataset)),
        *exporting,
    )
    return Case(f"segmentation/train deeplab {backbone}, {dataset}", steps, (TRAIN,))


def _resume(backbone: str, dataset: str) -> Case:
    # The script keeps neither optimiser states nor the position of its schedule, so there must be none.
    first, second = _saved("whole", 0), _saved("whole", 1)
    common = "--momentum 0 --epochs 2"
    resume = f"{common} --start_epoch 1 --resume @{first}"
    steps = (
        _run("whole", backbone, dataset, common, repeatable=True),
        _run("resumed", backbone, dataset, resume, repeatable=True),
        Folds(second, _network(backbone, dataset)),
        Resumes(first, second, _saved("resumed", 1), "without momentum, lr constant"),
        *_starts(backbone, dataset),
        *_evaluations(backbone, dataset, second),
    )
    return Case(
        f"segmentation/train deeplab {backbone}, {dataset}, --resume, --eval; test", steps, (TRAIN, TEST)
    )


def _evaluations(backbone: str, dataset: str, saved: str) -> tuple[Step, ...]:
    """``--eval`` prints what train.py printed of its last epoch, and so it does for the folded file, plain."""
    evaluate = "--eval --start_epoch 1 --resume"
    test = f"{_model(backbone, dataset)} --ngpus 0 --eval --resume"
    validation = r"Epoch 1 validation (pixAcc: \S+, mIoU: \S+)"
    return (
        _run("evaluated", backbone, dataset, f"{evaluate} @{saved}"),
        _run("evaluated folded", backbone, dataset, f"{evaluate} {FOLDED}", PLAIN),
        SamePrints("whole", "evaluated", validation, "--eval prints what training printed"),
        SamePrints("whole", "evaluated folded", validation, "and so for the folded file, plain"),
        Run("tested", TEST, f"{test} @{saved}"),
        Run("tested folded", TEST, f"{test} {FOLDED}", PLAIN),
        SamePrints(
            "tested",
            "tested folded",
            r"pixAcc: \S+, mIoU: [^,\s]+",
            "test prints the same for both",
        ),
    )


def _starts(backbone: str, dataset: str, options: str = "") -> tuple[Step, ...]:
    """The backbone starts from the pretrained file, plain or DO-Conv."""
    base, network = f"{backbone}_v1s", _network(backbone, dataset)
    file = f"weights/{base}.params"
    return (
        _run("still", backbone, dataset, "--epochs 1 --lr 0", options),
        Arrives(file, imagenet_network(base), _saved("still"), network, "backbone starts from its file"),
    )


def _doconv_base(backbone: str, dataset: str) -> Case:
    """ImageNet weights trained with DO-Conv, W and D, into a network that is fine-tuned with DO-Conv."""
    base, weights = f"{backbone}_v1s", "--weights ../weights"
    steps = (
        imagenet_run("base", base, f"{REC} -j 2 --mode hybrid --lr 0.01"),
        Give("base/params/imagenet-*-0.params", base),
        *_starts(backbone, dataset, weights),
        _run("train", backbone, dataset, "--epochs 1", weights),
        Folds(_saved("train"), _network(backbone, dataset), start=_saved("still")),
    )
    name = f"segmentation/train deeplab {backbone}, {dataset}, base trained with DO-Conv"
    return Case(name, steps, (TRAIN, IMAGENET))


CASES: tuple[Case, ...] = (
    _train("resnet50", "citys", exports("deeplab_resnet50_citys", _saved("train"), (480, 480))),
    _train("resnet101", "pascal_voc"),
    _resume("resnet50", "pascal_voc"),
    _doconv_base("resnet50", "pascal_voc"),
)

"""segmentation/train.py and test.py: DeepLabv3, and both rows of the paper's Table 4."""

from __future__ import annotations

from dataclasses import dataclass

from gluoncv.model_zoo.segbase import get_segmentation_model

from .case import Case, Step
from .classification import IMAGENET
from .comparing import same_prints
from .deployment import exports
from .finetuning import FineTuning, same_folded
from .folding import Network
from .run import Run

TRAIN = "segmentation/train.py"
TEST = "segmentation/test.py"


@dataclass(frozen=True)
class DeepLab(FineTuning):
    """A DeepLabv3, and the words that choose it."""

    words: str = ""

    def run(self, folder: str, arguments: str, options: str = "", epoch: int | None = None) -> Run:
        """Run train.py."""
        common = f"{self.words} --no-cuda --batch-size 2 --test-batch-size 2 --save-dir params"
        return Run(folder, TRAIN, f"{common} {arguments}", options, epoch, constant_lr=epoch is not None)

    def saved(self, folder: str, epoch: int = 0) -> str:
        """Return the pattern of a checkpoint."""
        return f"{folder}/params/epoch_{epoch:04d}_*.params"


def _deeplab(backbone: str, dataset: str) -> DeepLab:
    chosen = {"dataset": dataset, "backbone": backbone, "pretrained_base": False, "aux": True, "crop_size": 96}
    network = Network(lambda: get_segmentation_model("deeplab", **chosen), (1, 3, 96, 96))
    words = f"--model deeplab --backbone {backbone} --dataset {dataset} --aux"
    return DeepLab(f"{backbone}_v1s", network, words=f"{words} --base-size 96 --crop-size 96 --workers 0")


def _train(backbone: str, dataset: str) -> tuple[Step, ...]:
    deeplab = _deeplab(backbone, dataset)
    return (deeplab.run("train", "--epochs 1"), deeplab.folds(deeplab.saved("train")))


def _resume(deeplab: DeepLab) -> tuple[Step, ...]:
    """``--eval`` prints what train.py printed of its last epoch, and so it does for the folded file, plain."""
    saved = deeplab.saved("whole", 1)
    evaluate = "--eval --start_epoch 1 --resume"
    validation = r"Epoch 1 validation (pixAcc: \S+, mIoU: \S+)"
    test = f"{deeplab.words} --ngpus 0 --eval --resume"
    metric = r"pixAcc: \S+, mIoU: [^,\s]+"
    return (
        # The script keeps neither optimiser states nor the position of its schedule, so there must be none.
        *deeplab.resume("--momentum 0", "--start_epoch 1 --resume", "without momentum, lr constant"),
        deeplab.run("evaluated", f"{evaluate} @{saved}"),
        deeplab.run("evaluated folded", f"{evaluate} @folded.params", "--off"),
        same_prints("whole", "evaluated", validation, "--eval prints what training printed"),
        same_prints("whole", "evaluated folded", validation, "and so for the folded file, plain"),
        *same_folded("tested", TEST, test, saved, metric, "test prints the same for both"),
    )


CASES: tuple[Case, ...] = (
    Case(
        "segmentation/train deeplab resnet50, citys",
        (
            *_train("resnet50", "citys"),
            *exports("deeplab_resnet50_citys", "train/params/epoch_0000_*.params", 480, 480),
        ),
        (TRAIN,),
    ),
    Case("segmentation/train deeplab resnet101, pascal_voc", _train("resnet101", "pascal_voc"), (TRAIN,)),
    Case(
        "segmentation/train deeplab resnet50, pascal_voc, --resume, --eval; test",
        _resume(_deeplab("resnet50", "pascal_voc")),
        (TRAIN, TEST),
    ),
    Case(
        "segmentation/train deeplab resnet50, pascal_voc, base trained with DO-Conv",
        _deeplab("resnet50", "pascal_voc").from_doconv_base("--lr 0.01"),
        (TRAIN, IMAGENET),
    ),
)

"""segmentation/train.py and test.py: every network; DeepLabv3 is in both rows of the paper's Table 4."""

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
METRIC = r"pixAcc: \S+, mIoU: [^,\s]+"


@dataclass(frozen=True)
class Segmentation(FineTuning):
    """A network for segmentation, and the words that choose it."""

    words: str = ""

    def run(self, folder: str, arguments: str, options: str = "", epoch: int | None = None) -> Run:
        """Run train.py."""
        common = f"{self.words} --no-cuda --batch-size 2 --test-batch-size 2 --save-dir params"
        return Run(folder, TRAIN, f"{common} {arguments}", options, epoch, constant_lr=epoch is not None)

    def saved(self, folder: str, epoch: int = 0) -> str:
        """Return the pattern of a checkpoint."""
        return f"{folder}/params/epoch_{epoch:04d}_*.params"


def _network(model: str, backbone: str, dataset: str, aux: bool = True) -> Segmentation:
    chosen = {"dataset": dataset, "backbone": backbone, "pretrained_base": False, "aux": aux, "crop_size": 96}
    network = Network(lambda: get_segmentation_model(model, **chosen), (1, 3, 96, 96))
    words = f"--model {model} --backbone {backbone} --dataset {dataset} {'--aux' if aux else ''}"
    return Segmentation(f"{backbone}_v1s", network, words=f"{words} --base-size 96 --crop-size 96 --workers 0")


def _deeplab(backbone: str, dataset: str) -> Segmentation:
    return _network("deeplab", backbone, dataset)


def _train(net: Segmentation) -> tuple[Step, ...]:
    return (net.run("train", "--epochs 1"), net.folds(net.saved("train")))


def _tested(model: str, dataset: str, aux: bool = True) -> Case:
    net = _network(model, "resnet50", dataset, aux)
    words, finding = f"{net.words} --ngpus 0 --eval --resume", "test prints the same, folded and plain"
    steps = (*_train(net), *same_folded("tested", TEST, words, net.saved("train"), METRIC, finding))
    return Case(f"segmentation/train {model}, {dataset}; test", steps, (TRAIN, TEST))


def _resume(deeplab: Segmentation) -> tuple[Step, ...]:
    """``--eval`` prints what train.py printed of its last epoch, and so it does for the folded file, plain."""
    saved = deeplab.saved("whole", 1)
    evaluate = "--eval --start_epoch 1 --resume"
    validation = r"Epoch 1 validation (pixAcc: \S+, mIoU: \S+)"
    test = f"{deeplab.words} --ngpus 0 --eval --resume"
    return (
        # The script keeps neither optimiser states nor the position of its schedule, so there must be none.
        *deeplab.resume("--momentum 0", "--start_epoch 1 --resume", "without momentum, lr constant"),
        deeplab.run("evaluated", f"{evaluate} @{saved}"),
        deeplab.run("evaluated folded", f"{evaluate} @folded.params", "--off"),
        same_prints("whole", "evaluated", validation, "--eval prints what training printed"),
        same_prints("whole", "evaluated folded", validation, "and so for the folded file, plain"),
        *same_folded("tested", TEST, test, saved, METRIC, "test prints the same for both"),
    )


CASES: tuple[Case, ...] = (
    Case(
        "segmentation/train deeplab resnet50, citys",
        (
            *_train(_deeplab("resnet50", "citys")),
            *exports("deeplab_resnet50_citys", "train/params/epoch_0000_*.params", 480, 480),
        ),
        (TRAIN,),
    ),
    Case(
        "segmentation/train deeplab resnet101, pascal_voc",
        _train(_deeplab("resnet101", "pascal_voc")),
        (TRAIN,),
    ),
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
    _tested("fcn", "ade20k"),
    _tested("psp", "coco"),
    _tested("danet", "pascal_voc", aux=False),
    _tested("icnet", "citys", aux=False),
    _tested("fastscnn", "citys"),
)

"""train_recognizer.py and test_recognizer.py: clips as frames, as videos, and as two speeds at once."""

from __future__ import annotations

from gluoncv.model_zoo import get_model

from .case import Case, Step
from .classification import IMAGENET, REC, imagenet_run
from .finetuning import same_folded, trains
from .folding import Network, folds
from .run import Run, give

TRAIN = "action-recognition/train_recognizer.py"
TEST = "action-recognition/test_recognizer.py"
METRIC = r"acc-top1=\S+ acc-top5=\S+"
CLIPS = (
    "--data-dir {data}/ucf101/rawframes --val-data-dir {data}/ucf101/rawframes "
    "--train-list {data}/ucf101/list.txt --val-list {data}/ucf101/list.txt -j 0 --batch-size 2 --mode hybrid"
)
SMALL = "--input-size 64 --new-height 64 --new-width 64"
LARGE = "--input-size 224 --new-height 256 --new-width 256"  # for the poolings of an Inception
SLOWFAST = "--slowfast --slow-temporal-stride 16 --fast-temporal-stride 2 --new-length 64"
CLASSES = 5


def _words(model: str, size: str, dataset: str) -> str:
    return f"--dataset {dataset} --model {model} --num-classes {CLASSES} {CLIPS} {size}"


def _network(model: str, *shape: int) -> Network:
    return Network(lambda: get_model(model, nclass=CLASSES), (1, 3, *shape))


def _saved(model: str, dataset: str) -> str:
    return f"params/{dataset}-{model}-000.params"


def _recognizer(
    model: str,
    *shape: int,
    words: str = "",
    size: str = SMALL,
    dataset: str = "ucf101",
    more: tuple[Step, ...] = (),
) -> Case:
    train = f"{_words(model, size, dataset)} {words} --num-epochs 1"
    title = f"train_recognizer {model} {words}".rstrip() + ("; test_recognizer" if more else "")
    return trains(title, TRAIN, train, _saved(model, dataset), _network(model, *shape), *more)


def _tested(model: str) -> tuple[Step, ...]:
    test = f"{_words(model, SMALL, 'ucf101')} --resume-params"
    finding = "test prints the same, folded and plain"
    return same_folded("tested", TEST, test, f"train/{_saved(model, 'ucf101')}", METRIC, finding)


def _from_doconv_base(model: str, base: str, *shape: int) -> Case:
    """Weights that are copied by position, from kernels for images into kernels for videos."""
    train = f"{_words(model, SMALL, 'ucf101')} --new-length {shape[0]} --num-epochs 1"
    steps = (
        imagenet_run("base", base, f"{REC} -j 2 --mode hybrid"),
        give("base/params/imagenet-*-0.params", base),
        Run("train", TRAIN, train, "--weights ../weights"),
        folds(f"train/{_saved(model, 'ucf101')}", _network(model, *shape)),
    )
    return Case(f"train_recognizer {model}, base trained with DO-Conv", steps, (TRAIN, IMAGENET))


FRAMES, VIDEO = "resnet18_v1b_kinetics400", "i3d_resnet50_v1_kinetics400"
CASES: tuple[Case, ...] = (
    _recognizer(FRAMES, 64, 64, more=_tested(FRAMES)),
    _recognizer(FRAMES, 64, 64, words="--freeze-bn"),
    _recognizer("inceptionv1_ucf101", 224, 224, words="--partial-bn", size=LARGE),
    _recognizer(VIDEO, 8, 64, 64, words="--new-length 8"),
    _recognizer(VIDEO, 8, 64, 64, words="--new-length 8 --freeze-bn"),
    _from_doconv_base(VIDEO, "resnet50_v1b", 8, 64, 64),
    _recognizer("slowfast_4x16_resnet50_kinetics400", 36, 64, 64, words=SLOWFAST, dataset="kinetics400"),
)

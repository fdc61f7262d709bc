"""Key points of people: simple_pose, mobile_pose, alpha_pose."""

from __future__ import annotations

from gluoncv.model_zoo import get_model

from .case import Case
from .finetuning import same_folded, trains
from .folding import Network

METRIC = r"((?: Average .*\n)+)"
SIZE = "--num-joints 17 --input-size 64,64 -j 0 --batch-size 2"
TRAINED = "--num-epochs 1 --mode hybrid --use-pretrained-base"


def _pose(folder: str, model: str, dataset: str = "", words: str = "") -> Case:
    name = "_".join(filter(None, (model, dataset)))
    network = Network(lambda: get_model(name, pretrained_base=False), (1, 3, 64, 64))
    saved = f"params/{name}-0.params"
    validate = f"--model {model} {SIZE} {words} --params-file"
    validated = same_folded(
        *("validated", f"pose/{folder}/validate.py", validate, f"train/{saved}", METRIC),
        "validate prints the same, folded and plain",
    )
    script = f"train_{folder}"
    train = f"--model {model} {words} {SIZE} {TRAINED}"
    return trains(
        f"{script} {model}; validate", f"pose/{folder}/{script}.py", train, saved, network, *validated
    )


CASES: tuple[Case, ...] = (
    _pose("simple_pose", "simple_pose_resnet18_v1b"),
    _pose("simple_pose", "mobile_pose_resnet18_v1b"),
    _pose("alpha_pose", "alpha_pose_resnet101_v1b", "coco", "--dataset coco"),
)

"""train_cifar10, train_imagenet, train_horovod."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

from gluoncv.model_zoo import get_model

from .case import Case
from .comparing import resumes, same_weights
from .folding import Network, folds
from .run import Run, give, horovod_run

CIFAR = "classification/cifar/train_cifar10.py"
IMAGENET = "classification/imagenet/train_imagenet.py"
HOROVOD = "classification/imagenet/train_horovod.py"
REC = "--use-rec " + " ".join(
    f"--rec-{part} {{data}}/imagenet/rec/{part}.rec --rec-{part}-idx {{data}}/imagenet/rec/{part}.idx"
    for part in ("train", "val")
)
FOLDERS = "--data-dir {data}/imagenet"


def cifar_network(model: str) -> Network:
    """Return the network of train_cifar10."""
    return Network(lambda: get_model(model, classes=10), (2, 3, 32, 32))


def imagenet_network(model: str) -> Network:
    """Return the network of train_imagenet."""
    return Network(lambda: get_model(model, classes=1000), (1, 3, 64, 64))


def _cifar_run(folder: str, model: str, arguments: str, options: str = "", epoch: int | None = None) -> Run:
    common = f"--model {model} --batch-size 16 -j 0 --save-dir params --save-period 1"
    return Run(folder, CIFAR, f"{common} {arguments}", options, epoch)


def _cifar(model: str, mode: str) -> Case:
    steps = (
        _cifar_run("train", model, f"--mode {mode} --num-epochs 1"),
        folds("train/params/cifar10-*-0.params", cifar_network(model)),
    )
    return Case(f"train_cifar10 {model}, {mode}", steps, (CIFAR, model))


def _cifar_resume(model: str, mode: str) -> Case:
    # The script keeps no optimiser states, so there must be none.
    common = f"--mode {mode} --momentum 0"
    first, second = "whole/params/cifar10-*-0.params", "whole/params/cifar10-*-1.params"
    steps = (
        _cifar_run("whole", model, f"{common} --num-epochs 2", epoch=0),
        _cifar_run("resumed", model, f"{common} --num-epochs 1 --resume-from @{first}", epoch=1),
        folds(second, cifar_network(model)),
        resumes(first, second, "resumed/params/cifar10-*-0.params", "without momentum"),
    )
    return Case(f"train_cifar10 {model}, {mode}, --resume-from", steps, (CIFAR, model))


def imagenet_run(folder: str, model: str, arguments: str, options: str = "", epoch: int | None = None) -> Run:
    """Run train_imagenet for one epoch or, where it is to be repeatable, two, from ``epoch`` on."""
    common = f"--model {model} --batch-size 8 --num-epochs {1 if epoch is None else 2} --input-size 64"
    # oneDNN rounds differently depending on the layout in which an evaluation has left a weight.
    variable = "" if epoch is None else "MXNET_MKLDNN_ENABLED=0"
    words = f"{common} --save-frequency 1 --save-dir params {arguments}"
    return Run(folder, IMAGENET, words, options, epoch, variable=variable)


def _imagenet(model: str, mode: str, data: str = REC, extra: str = "") -> Case:
    source = "rec" if data == REC else "folders"
    steps = (
        imagenet_run("train", model, f"{data} -j 2 --mode {mode} {extra}"),
        folds("train/params/imagenet-*-0.params", imagenet_network(model)),
    )
    name = f"train_imagenet {model}, {mode}, {source}{', ' + extra if extra else ''}"
    return Case(name, steps, (IMAGENET, model))


def _imagenet_resume(model: str, mode: str, data: str) -> Case:
    workers = 1 if data == REC else 0  # RecordIO files are read by threads
    common = f"{data} -j {workers} --mode {mode} --lr 0.01 --lr-mode cosine"
    first, second = (f"whole/params/imagenet-*-{epoch}.params" for epoch in (0, 1))
    states = "whole/params/imagenet-*-0.states"
    resume = f"--resume-epoch 1 --resume-params @{first} --resume-states @{states}"
    steps = (
        imagenet_run("whole", model, common, epoch=0),
        imagenet_run("resumed", model, f"{common} {resume}", epoch=1),
        folds(second, imagenet_network(model)),
        resumes(first, second, "resumed/params/imagenet-*-1.params", "with states, without oneDNN"),
    )
    source = "rec, no augmentation" if data == REC else "folders"
    return Case(f"train_imagenet {model}, {mode}, {source}, --resume-*", steps, (IMAGENET, model))


def _selected(model: str, words: str, options: dict[str, Any], kernels: str) -> Case:
    network = replace(cifar_network(model), options=options, kernels=kernels)
    steps = (
        _cifar_run("train", model, "--mode hybrid --num-epochs 1", words),
        folds("train/params/cifar10-*-0.params", network),
    )
    return Case(f"run {words} train_cifar10 {model}", steps, (CIFAR, model))


def _horovod(model: str) -> Case:
    files = "--rec-train {data}/imagenet/rec/train.rec --rec-val {data}/imagenet/rec/val.rec --use-rec"
    arguments = (
        f"{files} --no-cuda --model {model} --batch-size 4 --num-epochs 1 --data-nthreads 0 --input-size 64 "
        "--save-frequency 1 --save-dir params --warmup-epochs 0 --log-interval 1"
    )
    saved = "train/{}/params/imagenet-*-0.params"
    steps = (
        horovod_run("train", HOROVOD, arguments, workers=2),
        folds(saved.format(0), imagenet_network(model)),
        same_weights(saved.format(0), saved.format(1), "identical weights on both workers"),
    )
    return Case(f"train_horovod {model}, two workers, gloo", steps, (HOROVOD, model), _without_horovod)


def _without_horovod() -> str:
    return "" if importlib.util.find_spec("horovod") else "Horovod is not installed"


TEACHER = Case(
    "train_imagenet resnet18_v1b, hybrid, rec, --teacher resnet18_v1 (trained with DO-Conv)",
    (
        imagenet_run("first", "resnet18_v1", f"{REC} -j 2 --mode hybrid"),
        give("first/params/imagenet-*-0.params", "resnet18_v1"),
        imagenet_run(
            "train", "resnet18_v1b", f"{REC} -j 2 --mode hybrid --teacher resnet18_v1", "--weights ../weights"
        ),
        folds("train/params/imagenet-*-0.params", imagenet_network("resnet18_v1b")),
    ),
    (IMAGENET,),
)

CASES: tuple[Case, ...] = (
    _cifar("cifar_resnet20_v1", "hybrid"),
    _cifar("cifar_resnet20_v2", "imperative"),
    _cifar_resume("cifar_resnet20_v1", "hybrid"),
    _cifar_resume("cifar_resnet20_v1", "imperative"),
    _selected("cifar_resnet20_v1", "--stages 0,2", {"stages": [0, 2]}, "^[a-z0-9]+_(conv0|stage2)"),
    _selected(
        "cifar_resnet20_v1", "--d-mul 18 --exclude conv0", {"exclude": "conv0", "d_mul": 18}, "conv(?!0)"
    ),
    _imagenet("resnet18_v1", "hybrid"),
    _imagenet("resnet18_v1b", "imperative", FOLDERS),
    _imagenet("resnet18_v2", "hybrid", REC, "--mixup"),
    _imagenet("resnext50_32x4d", "hybrid"),
    _imagenet("mobilenet0.25", "hybrid"),
    _imagenet("mobilenetv2_0.25", "hybrid"),
    _imagenet("mobilenetv3_small", "imperative", REC, "--label-smoothing"),
    _imagenet("se_resnet18_v1", "hybrid"),
    _imagenet("resnest14", "hybrid"),
    _imagenet("resnet18_v1b", "hybrid", REC, "--use-pretrained"),
    _imagenet("resnet18_v1b", "hybrid", REC, "--teacher resnet18_v1"),
    TEACHER,
    _imagenet_resume("resnet18_v1b", "imperative", FOLDERS),
    _imagenet_resume("mobilenetv2_0.25", "hybrid", REC),
    _horovod("resnet18_v1b"),
)

"""Depth, tracking, materials, generated images; networks verified and quantized; what cannot run."""

from __future__ import annotations

import re
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

import gluoncv
from gluoncv.model_zoo import get_model
from mxnet.gluon import Block

from .case import Case, CheckError, Findings, Place, Step
from .classification import IMAGENET, REC, cifar_network, imagenet_network, imagenet_run
from .comparing import is_d, read, same_exports
from .finetuning import same_folded, trains
from .folding import Network, folds
from .run import LOG, Run, dies

MINC = "classification/finetune/finetune_minc.py"
VERIFY = "classification/imagenet/verify_pretrained.py"
WGAN = "gan/wgan/train_wgan.py"
DEPTH, POSE = "monodepth2_resnet18_kitti_mono_640x192", "monodepth2_resnet18_posenet_kitti_mono_640x192"
DEPTH_WEIGHTS = f"out/{DEPTH}/models/weights"
SIZE = "--batch_size 1 --num_workers 0 --no_gpu --height 64 --width 64"
TRACKER = "siamrpn_alexnet_v2_otb15"


def _depth() -> Case:
    pairs = {"num_input_images": 2, "num_input_features": 1, "num_frames_to_predict_for": 2}
    posed = Network(lambda: get_model(POSE, pretrained_base=False, **pairs), (1, 6, 64, 64))
    saved = f"{DEPTH_WEIGHTS}/depth_final.params"
    test = f"--model_zoo {DEPTH} {SIZE} --eval_mono --load_weights_folder / --eval_model"
    tested = same_folded(
        *(
            "tested",
            "depth/test.py",
            test,
            f"train/{saved}",
            r"&\s+([\d.& ]+)",
            "test prints the same, folded and plain",
        )
    )
    return trains(
        "depth/train monodepth2_resnet18; test",
        "depth/train.py",
        f"--model_zoo {DEPTH} --model_zoo_pose {POSE} {SIZE} --num_epochs 1 --pretrained_base --log_dir out",
        saved,
        Network(lambda: get_model(DEPTH, pretrained_base=False), (1, 3, 64, 64)),
        *tested,
        folds(f"train/{DEPTH_WEIGHTS}/pose_final.params", posed),
    )


def _tracker() -> Case:
    """An epoch is 600,000 pairs, of which these are the first."""
    script = "tracking/siamrpn/train.py"
    run = Run("train", script, "--no-cuda --ngpus 0 --batch-size 2 -j 0 --epochs 1", epoch=0, batches=2)
    network = Network(
        lambda: get_model(TRACKER, bz=1, is_train=True), (1, 3, 127, 127), second=(1, 3, 255, 255)
    )
    return Case(f"siamrpn/train {TRACKER}", (run, folds("train/params/epoch_0.params", network)), (script,))


def converts(folder: str, network: Network) -> Step:
    """Check what the runner says of a script that saves nothing."""

    def check(place: Place) -> Findings:
        said = re.findall(r"(\d+) of \d+ convolutions are DO-Conv", (place.work / folder / LOG).read_text())
        if said != [str(network.expected())]:
            raise CheckError(f"{said} convolutions were converted, not {network.expected()}")
        return {"besides": f"saves nothing; {said[0]} of {said[0]} trained"}

    return check


def moves(saved: str, network: Network) -> Step:
    """Check that a file has every D, and that all have moved."""

    def check(place: Place) -> Findings:
        ds = [array for name, array in read(place.find(saved)).items() if is_d(name)]
        counts = f"{len(ds)} of {network.expected()}, {sum(d.any() for d in ds)} moved"
        if not len(ds) == network.expected() == sum(d.any() for d in ds):
            raise CheckError(counts)
        return {"D in the checkpoint": counts}

    return check


def take(folder: str, target: str) -> Step:
    """Move what a script has left in the checkout's scripts."""

    def move(place: Place) -> Findings:
        shutil.move(place.script(folder), place.work / target)
        return {}

    return move


def _verify(model: str) -> Case:
    """Print the accuracy, and quantize, with DO-Conv and of the folded file."""
    words = f"--model {model} --data-dir {{data}}/imagenet --batch-size 8 -j 0 --num-gpus 0 --input-size 64"
    quantize = f"{words} --calibration --params-file"
    saved = "train/params/imagenet-*-0.params"
    exported = f"{model}-quantized-naive"
    steps: tuple[Step, ...] = (
        imagenet_run("train", model, f"{REC} -j 2 --mode hybrid"),
        folds(saved, imagenet_network(model)),
        *same_folded(
            "verified", VERIFY, f"{words} --params-file", saved, r"\n([\d.]+ [\d.]+)\n", "prints the same"
        ),
        Run("quantized", VERIFY, f"{quantize} @{saved}"),
        take(f"{Path(VERIFY).parent}/model", "int8"),
        Run("quantized folded", VERIFY, f"{quantize} @folded.params", "--off"),
        take(f"{Path(VERIFY).parent}/model", "int8 folded"),
        same_exports(
            f"int8/{exported}", f"int8 folded/{exported}", "--calibration writes the plain int8 network"
        ),
    )
    return Case(f"verify_pretrained {model}, --calibration, folded and plain", steps, (VERIFY, IMAGENET))


def _own(script: str, name: str, *arguments: Any) -> Block:
    """Make a network that a script has a class of."""
    path = Path(gluoncv.__file__).parents[1] / "scripts" / script
    sys.path.insert(0, str(path.parent))
    try:
        network: Block = runpy.run_path(str(path))[name](*arguments)
    finally:
        sys.path.remove(str(path.parent))
    return network


def _wgan() -> Case:
    """Files of ``save_params``, with names that only this script could read."""
    size = "--imageSize 16 --ngf 8 --ndf 8 --n_extra_layers 1"
    words = f"--dataset folder --dataroot {{data}}/minc/train --batchSize 2 --workers 0 --niter 1 {size}"
    critic = Network(lambda: _own(WGAN, "DCGAN_D", 16, 100, 3, 8, 1, 1), (2, 3, 16, 16))
    generator = Network(lambda: _own(WGAN, "DCGAN_G", 16, 100, 3, 8, 1, 1), (2, 100, 1, 1))
    steps: tuple[Step, ...] = (
        Run("train", WGAN, words, "--all-networks"),
        moves("train/samples/netD_epoch_0.pth", critic),
        moves("train/samples/netG_epoch_0.pth", generator),
    )
    return Case("train_wgan, critic and generator, run --all-networks", steps, (WGAN,))


def _cannot(title: str, script: str, arguments: str) -> Case:
    return Case(title, (dies(script, arguments),), (script,))


MIXUP = "classification/cifar/train_mixup_cifar10.py"
CASES: tuple[Case, ...] = (
    trains(
        "train_mixup_cifar10 cifar_resnet20_v1",
        MIXUP,
        "--model cifar_resnet20_v1 --batch-size 16 -j 0 --num-epochs 1 --save-dir params --save-period 1",
        "params/cifar10-*-0.params",
        cifar_network("cifar_resnet20_v1"),
    ),
    Case(
        "finetune_minc resnet18_v1",
        (
            Run("train", MINC, "--data {data}/minc --model resnet18_v1 -j 0 --epochs 1 -b 2"),
            converts("train", imagenet_network("resnet18_v1")),
        ),
        (MINC,),
    ),
    _verify("resnet18_v1b"),
    _depth(),
    _tracker(),
    _wgan(),
    _cannot(
        "train_imagenet_nasnet",
        "classification/imagenet/train_imagenet_nasnet.py",
        f"{REC} --model resnet18_v1b",
    ),
    _cannot("train_cgan", "gan/cycle_gan/train_cgan.py", "--dataroot {data}/minc --gpu_ids -1"),
    _cannot("train_srgan", "gan/srgan/train_srgan.py", "--dataroot {data}/minc/train/class00 --gpu_ids -1"),
    _cannot("train_stylegan", "gan/stylegan/train.py", "--gpu_ids -1"),
    _cannot("re-id/baseline/train", "re-id/baseline/train.py", "--num-gpus 0 --num-workers 0 --epochs 2"),
)

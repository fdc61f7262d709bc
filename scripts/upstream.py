"""Run GluonCV's own training scripts, unchanged, with DO-Conv, and check what they leave behind.

Each script trains for a moment on tiny data in the real formats. Then its checkpoint has to hold a D for each
convolution selected, fold, load into the stock network, and predict there bitwise what the DO-Conv one does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

import gluon_doconv as doconv  # first: it makes the next two importable
from gluon_doconv import datasets
from gluon_doconv.compat.mends import apply_mends
from gluon_doconv.sites import find_sites

import click
import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model
from gluoncv.model_zoo.segbase import get_segmentation_model
from mxnet.gluon import Block
from tabulate import tabulate
from tqdm import tqdm

HOMES = {"voc": "voc", "coco": "coco", "cityscapes": "citys"}
LIMIT = 900  # seconds for one script
SEED = 0


@dataclass(frozen=True)
class Case:
    """One way of running one script.

    ``arguments`` may name ``{data}``, the folder of the data sets. ``saved`` is the pattern of its checkpoint.
    ``build`` makes the network the checkpoint is of, and ``shape`` is an input for it.
    """

    name: str
    script: str
    arguments: str
    saved: str
    build: Callable[[], Block]
    shape: tuple[int, ...]


def _cifar(model: str, mode: str) -> Case:
    return Case(
        f"train_cifar10 {model}, {mode}",
        "classification/cifar/train_cifar10.py",
        f"--model {model} --batch-size 16 --num-epochs 1 -j 0 --mode {mode} --save-dir params --save-period 1",
        "params/cifar10-*.params",
        lambda: get_model(model, classes=10),
        (2, 3, 32, 32),
    )


def _imagenet(model: str, mode: str, data: str, extra: str = "") -> Case:
    files = " ".join(
        f"--rec-{p} {{data}}/rec/{p}.rec --rec-{p}-idx {{data}}/rec/{p}.idx" for p in ("train", "val")
    )
    source = f"--use-rec {files}" if data == "rec" else "--data-dir {data}/imagenet"
    return Case(
        f"train_imagenet {model}, {mode}, {data}{', ' + extra if extra else ''}",
        "classification/imagenet/train_imagenet.py",
        f"{source} --model {model} --mode {mode} --batch-size 8 --num-epochs 1 -j 2 --num-training-samples 32 "
        f"--input-size 64 --save-frequency 1 --save-dir params {extra}",
        "params/imagenet-*-0.params",
        lambda: get_model(model, classes=1000),
        (1, 3, 64, 64),
    )


def _segmentation(backbone: str, dataset: str) -> Case:
    kwargs = {"dataset": dataset, "backbone": backbone, "pretrained_base": False, "aux": True, "crop_size": 96}
    return Case(
        f"segmentation/train deeplab {backbone}, {dataset}",
        "segmentation/train.py",
        f"--no-cuda --workers 0 --batch-size 2 --test-batch-size 2 --epochs 1 --base-size 96 --crop-size 96 "
        f"--model deeplab --backbone {backbone} --dataset {dataset} --aux",
        "runs/**/epoch_0000_*.params",
        lambda: get_segmentation_model("deeplab", **kwargs),
        (1, 3, 96, 96),
    )


def _detection(network: str, dataset: str, fpn: bool) -> Case:
    zoo = f"faster_rcnn_{'fpn_' if fpn else ''}{network}_{dataset}"
    return Case(
        f"train_faster_rcnn {'FPN' if fpn else 'C4'} {network}, {dataset}",
        "detection/faster_rcnn/train_faster_rcnn.py",
        f"--epochs 1 -j 0 --batch-size 1 --gpus= --kv-store local --network {network} --dataset {dataset} "
        f"{'--use-fpn ' if fpn else ''}--save-prefix params/",
        "params/*_0000_*.params",
        lambda: get_model(zoo, pretrained_base=False),
        (1, 3, 96, 128),
    )


CASES = (
    _cifar("cifar_resnet20_v1", "hybrid"),
    _cifar("cifar_resnet20_v2", "imperative"),
    _imagenet("resnet18_v1", "hybrid", "rec"),
    _imagenet("resnet18_v1b", "imperative", "folder"),
    _imagenet("resnet18_v2", "hybrid", "rec", "--mixup"),
    _imagenet("resnext50_32x4d", "hybrid", "rec"),
    _imagenet("mobilenet0.25", "hybrid", "rec"),
    _imagenet("mobilenetv2_0.25", "hybrid", "rec"),
    _imagenet("mobilenetv3_small", "hybrid", "rec", "--label-smoothing"),
    _imagenet("se_resnet18_v1", "hybrid", "rec"),
    _imagenet("resnest14", "hybrid", "rec"),
    _imagenet("resnet18_v1b", "hybrid", "rec", "--use-pretrained"),
    _imagenet("resnet18_v1b", "hybrid", "rec", "--teacher resnet18_v1"),
    _segmentation("resnet50", "pascal_voc"),
    _segmentation("resnet50", "citys"),
    _segmentation("resnet101", "pascal_voc"),
    _detection("resnet50_v1b", "voc", False),
    _detection("resnet50_v1b", "coco", True),
)

PRETRAINED = ("resnet18_v1", "resnet18_v1b", "resnet50_v1b", "resnet50_v1s", "resnet101_v1s")


@dataclass(frozen=True)
class Outcome:
    """What became of one case; ``remark`` says what went wrong, or how long the script took."""

    case: str
    ran: bool
    d: str
    same: bool
    remark: str


def prepare(folder: Path) -> None:
    """Data sets where scripts look for them below the home folder, and weights in place of pretrained ones."""
    home = folder / "home" / ".mxnet" / "datasets"
    home.mkdir(parents=True)
    datasets.write("cifar", home / "cifar10", images=64)
    datasets.write("imagenet", home / "imagenet", images=32, rec=True)
    for layout, images in (("voc", 4), ("coco", 4), ("cityscapes", 8)):
        datasets.write(layout, home / HOMES[layout], images=images)
    (folder / "weights").mkdir()
    for name in PRETRAINED:
        net = get_model(name)
        net.initialize(mx.init.Xavier())
        net(mx.nd.zeros((1, 3, 64, 64)))
        net.save_parameters(str(folder / "weights" / f"{name}.params"))


def run_case(case: Case, scripts: Path, folder: Path) -> Outcome:
    """Run one script in a folder of its own and examine its checkpoint."""
    work = folder / "".join(c if c.isalnum() else "-" for c in case.name)
    (work / "params").mkdir(parents=True)
    data = folder / "home" / ".mxnet" / "datasets"
    arguments = case.arguments.replace("{data}/rec", str(data / "imagenet" / "rec")).replace(
        "{data}", str(data)
    )
    command = [sys.executable, "-m", "gluon_doconv", "run", "--weights", str(folder / "weights")]
    begin = time.perf_counter()
    with open(work / "log.txt", "w") as log:
        environment = {**os.environ, "HOME": str(folder / "home")}
        try:
            code = subprocess.run(
                [*command, str(scripts / case.script), *arguments.split()],
                cwd=work, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=LIMIT,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            return Outcome(case.name, False, "", False, f"no end after {LIMIT} s")
    seconds = time.perf_counter() - begin
    if code:
        lines = (work / "log.txt").read_text().strip().splitlines()
        return Outcome(case.name, False, "", False, f"exit code {code}: {lines[-1][:120]}")
    return examine(case, work, f"{seconds:.0f} s")


def examine(case: Case, work: Path, remark: str) -> Outcome:
    """Does the checkpoint have every D, moved, and does it fold into what it was?"""
    checkpoints = sorted(path for path in work.glob(case.saved) if "folded" not in path.name)
    if not checkpoints:
        return Outcome(case.name, True, "", False, f"no {case.saved} was written")
    folded = work / "folded.params"
    names = doconv.fold_params(checkpoints[0], folded)
    stock = case.build()
    expected = sum(site.obstacle is None for site in find_sites(stock))
    trained = case.build()
    doconv.over_parameterize(trained)
    x = mx.nd.random.normal(shape=case.shape)
    doconv.load_parameters(trained, checkpoints[0], ignore_extra=True)
    stock.load_parameters(str(folded), ignore_extra=True)
    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(_outputs(trained, x), _outputs(stock, x)))
    moved = sum(bool(p.data().asnumpy().any()) for p in trained.collect_params(".*_D$").values())
    return Outcome(case.name, True, f"{len(names)} of {expected}, {moved} moved", same and moved > 0, remark)


def _outputs(net: Block, x: Any) -> list[np.ndarray]:
    mx.random.seed(SEED)
    out = net(x)
    return [array.asnumpy() for array in (out if isinstance(out, (list, tuple)) else [out])]


def table(outcomes: Sequence[Outcome]) -> str:
    """The result as Markdown."""
    yes = {True: "yes", False: "no"}
    rows = [(o.case, yes[o.ran], o.d, yes[o.same], o.remark) for o in outcomes]
    headers = ["script and variant", "ran", "D in the checkpoint", "folded predicts bitwise the same", "remark"]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


@click.command()
@click.option("--only", default="", help="run the cases whose name has this in it")
@click.option(
    "--checkout", envvar="GLUONCV_CHECKOUT", required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--output", type=click.Path(path_type=Path), help="write the table into this file as well")
@click.option("--keep", type=click.Path(path_type=Path), help="work in this new folder and keep it")
def main(only: str, checkout: Path, output: Path | None, keep: Path | None) -> None:
    """Run GluonCV's own training scripts, unchanged, with DO-Conv, and check what they leave behind."""
    undo = apply_mends()
    folder = keep or Path(tempfile.mkdtemp(prefix="check-upstream-"))
    folder.mkdir(exist_ok=True)
    prepare(folder.resolve())
    cases = [case for case in CASES if only in case.name]
    outcomes = [run_case(case, (checkout / "scripts").resolve(), folder.resolve()) for case in tqdm(cases)]
    undo()
    text = table(outcomes)
    print(text)
    if output:
        output.write_text(text + "\n")
    failed = [outcome.case for outcome in outcomes if not (outcome.ran and outcome.same)]
    print(f"check-upstream: {len(cases) - len(failed)} of {len(cases)} as they should be; logs are in {folder}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

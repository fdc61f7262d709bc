"""Random parameters, where GluonCV would download pretrained ones.

``python -m verification.upstream_tests.weights NAME FILE``

They are made in a process of their own, so that making them leaves no trace in the tests' process: no patch
reaches them, and names and random numbers there are what they were.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterable

import gluon_doconv  # noqa: F401  (it makes mxnet importable)

import mxnet as mx

# Of these, the first that a network takes; for CIFAR's networks, the last.
PICTURES = tuple((1, 3, size, size) for size in (224, 299, 300, 480))
VIDEOS = tuple((1, 3, frames, size, size) for size in (224, 112) for frames in (32, 16, 36, 40, 80))
INPUTS = (*PICTURES, *VIDEOS, (1, 3, 32, 32))


def random_parameters(folder: Path, name: str, *_: Any, **__: Any) -> str:
    """The file of random parameters of a network of the zoo; made where it is wanted first."""
    file = folder / f"{name}.params"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            [sys.executable, "-m", __spec__.name, name, str(file)], capture_output=True, text=True
        )
        if made.returncode:
            said = made.stderr.strip().splitlines() or [""]
            raise RuntimeError(f"no random parameters for {name} could be made: {said[-1]}")
    return str(file)


def make(name: str, file: Path) -> None:
    """Write the parameters of a stock network of the zoo, random."""
    from gluoncv.model_zoo import get_model, model_store
    from gluoncv.model_zoo.ssd import vgg_atrous

    model_store.get_model_file = functools.partial(random_parameters, file.parent)  # those of its backbone
    net = vgg_atrous.vgg16_atrous_300() if name == "vgg16_atrous" else get_model(name, pretrained=False)
    for parameter in net.collect_params().values():
        if parameter._data is None:
            parameter.initialize(default_init=_start_of(parameter.name))
    _settle_shapes(net, reversed(INPUTS) if name.startswith("cifar_") else INPUTS)
    whole = file.with_suffix(f".{os.getpid()}")
    net.save_parameters(str(whole))
    whole.rename(file)


def _start_of(parameter: str) -> mx.init.Initializer:
    if parameter.endswith("weight"):
        return mx.init.Xavier("gaussian", "in", 2)
    return mx.init.One() if parameter.endswith(("gamma", "var", "scale")) else mx.init.Zero()


def _settle_shapes(net: mx.gluon.Block, inputs: Iterable[tuple[int, ...]]) -> None:
    errors = []
    for shape in inputs:
        try:
            net(mx.nd.zeros(shape))
            mx.nd.waitall()
            return
        except Exception as error:
            errors.append(error)
    raise errors[0]


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))

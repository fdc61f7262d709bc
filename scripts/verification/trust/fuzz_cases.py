"""What is read from files, each kind with a sound example of its own to damage."""

from __future__ import annotations

import json
import struct
import tempfile
from dataclasses import asdict
from functools import lru_cache
from math import prod
from pathlib import Path
from random import Random
from typing import Any, Callable

import gluon_doconv as doconv
from gluon_doconv.checkout import apply as checkouts
from gluon_doconv.compat.rehearsal import MARK, layout_of
from gluon_doconv.disk.journal import JOURNAL, Step, identity
from gluon_doconv.disk.reading import read_text
from gluon_doconv.disk.transaction import PREFIX
from gluon_doconv.files.params_format import content
from gluon_doconv.lab.configuration import DOCONV, Configuration, Recipe
from gluon_doconv.lab.experiments import resumable
from gluon_doconv.lab.records import RECORD, RESULTS, Epoch, Record, open_record
from gluon_doconv.lab.report.page import write_page

import mxnet as mx
import numpy as np

from .damage import as_text, damaged, damaged_value, noise

CONFIGURATION = Configuration("digits-20-10", "cifar_resnet20_v1", DOCONV, Recipe(2, 8))
EPOCHS = tuple(Epoch(1.0, 0.5, 0.5, 1.0, {"top-5": 0.75}) for _ in range(2))
SIZES = {0: 4, 1: 8, 2: 2, 3: 1, 4: 4, 5: 1, 6: 8, 7: 1, 8: 2, 12: 2}  # of MXNet's types
SHAPES = ((4, 2, 3), (3, 3, 2), (), (0,), (4, 0, 3, 3), (9, 9, 0), (4, 2, 1, 1), (1, 1, 2), (4, 9, 2))
ODD: tuple[Any, ...] = (np.ones(0), np.ones((8, 4, 9), complex), np.ones((8, 0, 9)), np.array("x"), 3, None, {})
SCRIPT = "import argparse\nimport mxnet\nparser = argparse.ArgumentParser()\nargs = parser.parse_args()\n"


@lru_cache(maxsize=None)
def network() -> mx.gluon.HybridBlock:
    """Build a small network whose every D has moved."""
    mx.random.seed(0)
    net = mx.gluon.nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(mx.gluon.nn.Conv2D(8, 3, in_channels=4), mx.gluon.nn.BatchNorm(in_channels=8))
        net.add(mx.gluon.nn.Conv2D(8, (1, 3), groups=2, in_channels=8), mx.gluon.nn.Dense(3))
    doconv.over_parameterize(net)
    net.initialize()
    net.hybridize()
    net(mx.nd.zeros((1, 4, 8, 8)))
    for name, parameter in net.collect_params().items():
        if name.endswith("_D"):
            parameter.set_data(mx.nd.random.normal(shape=parameter.shape, scale=0.1))
    return net


@lru_cache(maxsize=None)
def sound() -> dict[str, bytes]:
    """Write what the network saves and exports, and read it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network().save_parameters(str(folder / "saved.params"))
        network().export(str(folder / "exported"))
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def params(random: Random, folder: Path) -> None:
    """A file of parameters, from its bytes, or made of arrays of any type and shape."""
    whole = sound()[random.choice(("saved.params", "exported-0000.params"))]
    path, target = folder / "net.params", folder / "written.params"
    path.write_bytes(_odd_arrays(random) if random.random() < 0.4 else damaged(random, whole))
    readers: tuple[Callable[[], Any], ...] = (
        lambda: doconv.inspect(path),
        lambda: doconv.fold_params(path, target),
        lambda: doconv.import_published(path, target),
        lambda: doconv.over_parameterize_params(path, target, network()),
        lambda: doconv.load_parameters(network(), path),
    )
    random.choice(readers)()


def _odd_arrays(random: Random) -> bytes:
    """A sound container of W, D and others, of types, shapes and names that do not go together."""
    w = random.choice(("c.weight", "arg:c_weight", "d_weight"))
    d = random.choice(("c.D", "arg:c_D", "c.D", w, ""))
    chosen = random.sample([w, d, "e.weight", "aux:e_mean"], random.randrange(1, 5))
    return b"".join(
        [
            struct.pack("<QQQ", 0x112, 0, len(chosen)),
            *(_odd_array(random) for _ in chosen),
            struct.pack("<Q", len(chosen)),
            *(struct.pack("<Q", len(name)) + name.encode() for name in chosen),
        ]
    )


def _odd_array(random: Random) -> bytes:
    shape = random.choice((*[(4, 2, 3, 3), (9, 9, 2)] * 4, *SHAPES))
    dtype = random.choice((*[0] * 8, *SIZES))
    storage, device = random.choice((*[0] * 10, 1, 2)), random.choice((*[1] * 10, 2, 9))
    head = struct.pack("<Iii", random.choice((0xF993FAC9, 0xF993FACA)), storage, len(shape))
    numbers = struct.pack(f"<{len(shape)}qiii", *shape, device, 0, dtype)
    return head + numbers + noise(random, prod(shape) * SIZES[dtype])


def symbol(random: Random, folder: Path) -> None:
    """An exported graph, beside sound parameters."""
    graph = sound()["exported-symbol.json"]
    if random.random() < 0.7:
        nodes = json.loads(graph)
        nodes["nodes"] = [*nodes["nodes"][:-1], damaged_value(random, nodes["nodes"][-1])]
        whole = damaged_value(random, json.loads(graph))
        graph = as_text(random.choice((nodes, whole, whole))).encode()
    else:
        graph = damaged(random, graph)
    (folder / "net-symbol.json").write_bytes(graph)
    (folder / "net-0000.params").write_bytes(sound()["exported-0000.params"])
    change: Any = random.choice((doconv.fold_symbol, doconv.over_parameterize_symbol))
    change(str(folder / "net"), 0, str(folder / "written"))


def record(random: Random, folder: Path) -> None:
    """The record of a training, gone on with."""
    text = Record(CONFIGURATION, 0, {"mxnet": "1"}, EPOCHS).to_json()
    (folder / RECORD).write_bytes(_damaged_json(random, text))
    open_record(CONFIGURATION, 0, folder)


def results(random: Random, folder: Path) -> None:
    """The results of trainings, reported."""
    text = Record(CONFIGURATION, 0, {"mxnet": "1"}, EPOCHS).to_json()
    (folder / RESULTS).write_bytes(text.encode() + b"\n" + _damaged_json(random, text))
    (folder / "results.md").write_text("# A run\n\nIts text.\n")
    write_page([folder], folder / "written.html")


def _damaged_json(random: Random, text: str) -> bytes:
    if random.random() < 0.3:
        return damaged(random, text.encode())
    return as_text(damaged_value(random, json.loads(text))).encode()


def state_dict(random: Random, folder: Path) -> None:
    """A checkpoint of the published PyTorch layer."""
    net = mx.gluon.nn.HybridSequential()
    net.add(doconv.DOConv2D(8, 3, in_channels=4, use_bias=False))
    w, d, identity = np.ones((8, 4, 9)), np.ones((4, 9, 9)), np.eye(9)[None]
    arrays: dict[Any, Any] = {"c.W": w, "c.D": d, "c.d_diag": identity}
    arrays[random.choice([*arrays, "c.D.W", "", 1])] = random.choice((*ODD, np.ones((4, 9)), d[:0], w, d))
    if random.random() < 0.5:
        del arrays[random.choice(list(arrays))]
    nested: dict[str, Any] = {"state_dict": arrays, "epoch": 1}
    if random.random() < 0.2:
        nested["model"] = nested
    doconv.import_pytorch(random.choice((arrays, nested)), folder / "written.params", net)


def states(random: Random, folder: Path) -> None:
    """What an optimizer has left."""
    path = folder / "epoch0001.momenta"
    parameters = network()._collect_params_with_prefix()
    trained = {name: one.data() for name, one in parameters.items() if one.grad_req != "null"}
    path.write_bytes(damaged(random, b"".join(content(trained))))
    trainer = mx.gluon.Trainer(network().collect_params(), "sgd", {"momentum": 0.9}, kvstore=None)
    resumable._load_momenta(network(), trainer, path)


def mark(random: Random, folder: Path) -> None:
    """The mark of a folder of data to rehearse with."""
    (folder / MARK).write_bytes(_damaged_json(random, '{"layout": "cifar", "images": 40, "size": [32, 32]}'))
    layout_of(folder)


def checkout(random: Random, folder: Path) -> None:
    """A checkout with a damaged script."""
    (folder / "gluoncv").mkdir()
    (folder / "scripts").mkdir()
    (folder / "gluoncv" / "__init__.py").write_text("from . import data\n")
    script = folder / "scripts" / "train.py"
    script.write_bytes(damaged(random, SCRIPT.encode()))
    if random.random() < 0.05:
        with script.open("ab") as file:
            file.truncate(12 << 30)
    random.choice((checkouts.check, checkouts.apply, checkouts.revert))(folder)


def journal(random: Random, folder: Path) -> None:
    """What a killed process has left."""
    left = folder / f"{PREFIX}left"
    left.mkdir()
    (folder / "file").write_text("old")
    (left / "0.old").write_text("older")
    step = Step(0, "file", True, False, identity(folder / "file"))
    (left / JOURNAL).write_bytes(_damaged_json(random, json.dumps([asdict(step)])))
    read_text(folder / "file")


KINDS: tuple[Callable[[Random, Path], None], ...] = (
    *(params, params, params, symbol, symbol),
    *(record, results, state_dict, states, mark, checkout, journal),
)

"""Give DO-Conv to insightface's symbols of face recognition, from its own files, and train them by Module.fit.

``scripts/check-insightface CHECKOUT`` prints a table, and ends with 1 if not all is as it should be.
"""

from __future__ import annotations

import importlib
import sys
import types
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import gluon_doconv as doconv

import click
import mxnet as mx
import numpy as np

from .pages import markdown

NETWORKS: dict[str, dict[str, Any]] = {
    "fresnet": {"network": "r50", "num_layers": 18},
    "fmobilefacenet": {"network": "y1"},
    "fmobilenet": {"network": "m05"},
    "fmnasnet": {"network": "mnas025"},
    "vargfacenet": {"network": "vargfacenet"},
}
CLASSES, BATCH, BATCHES, SIZE = 10, 2, 2, 112
RATE = 1e-4  # with more, from Xavier's weights and batches of two, stock vargfacenet overflows


class Outcome(NamedTuple):
    """A row: counts of convolutions, and whether bits were equal at the identity and after folding."""

    network: str
    convolutions: int
    doconv: int
    trained: int
    identity: bool
    folded: bool

    @property
    def passed(self) -> bool:
        """Whether all is as it should be."""
        return self.identity and self.folded and self.trained == self.doconv > 0


class Settings(dict):
    """A dictionary whose keys are attributes, which insightface takes from a package of its own."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__  # type: ignore[assignment]


def prepare(checkout: Path) -> types.ModuleType:
    """Make insightface's modules importable; return its configuration, under the name that they import."""
    folder = checkout / "recognition" / "arcface_mxnet"
    sys.path[:0] = [str(folder / "symbol"), str(folder)]
    sys.modules["easydict"] = types.ModuleType("easydict")
    sys.modules["easydict"].EasyDict = Settings  # type: ignore[attr-defined]
    sys.modules["config"] = importlib.import_module("sample_config")
    return sys.modules["config"]


def build(settings: types.ModuleType, name: str, network: str, **more: Any) -> mx.sym.Symbol:
    """Build the embedding as insightface does, with a softmax in place of its margin loss."""
    former = dict(settings.config)
    settings.config.update(settings.network[network], **more)
    with redirect_stdout(StringIO()):
        embedding = importlib.import_module(name).get_symbol()
    settings.config.clear()
    settings.config.update(former)
    classes = mx.sym.FullyConnected(embedding, num_hidden=CLASSES, name="fc7")
    return mx.sym.SoftmaxOutput(classes, name="softmax")


def batches() -> mx.io.NDArrayIter:
    """Make the same random images whenever it is called."""
    numbers = np.random.RandomState(0)
    images = numbers.uniform(0, 255, size=(BATCH * BATCHES, 3, SIZE, SIZE)).astype("float32")
    return mx.io.NDArrayIter(images, numbers.randint(CLASSES, size=BATCH * BATCHES).astype("float32"), BATCH)


def bound(symbol: mx.sym.Symbol, *params: dict[str, mx.nd.NDArray] | None) -> mx.mod.Module:
    """Make a Module that has its values."""
    module = mx.mod.Module(symbol)
    module.bind(batches().provide_data, batches().provide_label)
    module.init_params(mx.init.Xavier(), *params)
    return module


def same_bits(some: mx.mod.Module, other: mx.mod.Module) -> bool:
    """Tell whether two Modules predict the same."""
    one, two = (module.predict(batches()).asnumpy() for module in (some, other))
    return bool(np.isfinite(one).all()) and one.tobytes() == two.tobytes()


def examine(symbol: mx.sym.Symbol, name: str) -> Outcome:
    """Find out what becomes of a network: converted, trained, folded."""
    stock = bound(symbol)
    arg_params, aux_params = stock.get_params()
    changed, completed, report = doconv.over_parameterize_symbol(symbol, arg_params)
    module = bound(changed, completed, aux_params)
    identity = same_bits(module, stock)
    module.fit(batches(), num_epoch=1, optimizer_params={"learning_rate": RATE, "momentum": 0.9, "wd": 5e-4})
    trained, statistics = module.get_params()
    ds = [array for key, array in trained.items() if key not in arg_params]
    moved = sum(bool(np.any(d.asnumpy())) for d in ds)
    folded = bound(symbol, doconv.fold_symbol(changed, trained).arg_params, statistics)
    return Outcome(name, len(report.layers), len(report.changed), moved, identity, same_bits(folded, module))


@click.command()
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", type=click.Choice(list(NETWORKS)), multiple=True, help="repeatable")
def main(checkout: Path, only: tuple[str, ...]) -> None:
    """Convert, train and fold the networks of a CHECKOUT of insightface."""
    settings = prepare(checkout)
    outcomes = []
    for name in only or NETWORKS:
        mx.random.seed(0)
        outcomes.append(examine(build(settings, name, **NETWORKS[name]), name))
    headers = ["network", "convolutions", "DO-Conv", "D trained", "bitwise at the identity", "bitwise folded"]
    print(markdown(outcomes, headers))
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()

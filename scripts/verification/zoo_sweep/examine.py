"""One network: stock, with DO-Conv, folded.

``python -m verification.zoo_sweep.examine NAME RECORDS`` adds a line to the file RECORDS.
"""

from __future__ import annotations

import re
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence

import gluon_doconv as doconv
from gluon_doconv.compat.workarounds import apply_workarounds

import mxnet as mx
import numpy as np
from mxnet.gluon import Block

from .. import offline_weights
from ..kernels import blocks, find_kernels
from ..networks import Outputs, build, family, initialize, inputs, predict, same
from ..processes import error_line
from ..records import Records

GIGABYTES = 14  # of memory, for one network
STD = 0.1  # of D, where it is moved away from the identity


@dataclass(frozen=True)
class Outcome:
    """What became of one network. What was not reached is None.

    ``expected`` is the number of non-pointwise kernels of the stock network, ``d`` the number of D. ``stock``
    says why the *stock* network leaves nothing to compare with, ``error`` what went wrong with DO-Conv.
    """

    name: str
    family: str
    seconds: float = 0.0
    expected: int | None = None
    d: int | None = None
    names: bool | None = None
    identity: bool | None = None
    moved: bool | None = None
    folded: bool | None = None
    remark: str = ""
    stock: str = ""
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything was reached, and was as it should be."""
        reached = (self.names, self.identity, self.moved, self.folded)
        return self.d is not None and self.d == self.expected and all(reached) and not self.error


class NothingToCompareError(Exception):
    """The stock network fails, or has no kernel that could be over-parameterized."""


def names(net: Block) -> list[Any]:
    """List what the blocks and the parameters of a network are called, without any D."""
    layers = [(path, block.name, block.prefix) for path, block in blocks(net).items()]
    files = [name for name in net._collect_params_with_prefix() if not re.search("[._]D$", name)]
    return [layers, files, [name for name in net.collect_params() if not name.endswith("_D")]]


def examine(name: str) -> Outcome:
    """Find out everything about one network. Does not raise."""
    begin = time.perf_counter()
    findings: dict[str, Any] = {}
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as undo:
            undo.callback(apply_workarounds())
            undo.callback(offline_weights.serve(Path(folder, "bases")))
            for finding in _findings(name, Path(folder)):
                findings.update(finding)
    except NothingToCompareError as error:
        findings["stock"] = str(error)
    except Exception as error:
        findings["error"] = _in_short(error)
    return Outcome(name, family(name), round(time.perf_counter() - begin, 1), **findings)


def _findings(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    x = inputs(name)
    plain_file, folded_file = str(folder / "plain.params"), str(folder / "folded.params")
    try:
        stock, plain, finding = _examine_stock(name, x, plain_file)
    except NothingToCompareError:
        raise
    except Exception as error:
        raise NothingToCompareError(_in_short(error)) from error
    yield finding
    with doconv.patched():
        net = build(name)
        net.load_parameters(plain_file)
    plain_names = set(stock.collect_params())
    d = [parameter for name, parameter in net.collect_params().items() if name not in plain_names]
    yield {"d": len(d), "names": names(net) == names(stock)}
    del stock
    yield {"identity": same(predict(net, x), plain)}
    for parameter in d:
        parameter.set_data(mx.nd.random.normal(0, STD, shape=parameter.shape))
    trained = predict(net, x)
    yield {"moved": not same(trained, plain)}
    doconv.fold(net)
    folded = same(predict(net, x), trained)
    net.save_parameters(folded_file)
    del net
    fresh = build(name)
    fresh.load_parameters(folded_file)
    yield {"folded": folded and same(predict(fresh, x), trained)}


def _examine_stock(name: str, x: Sequence[mx.nd.NDArray], file: str) -> tuple[Block, Outputs, dict[str, Any]]:
    """The stock network, saved into ``file``; what it computes; what there is to count and to say about it."""
    net = build(name)
    kernels, remark = find_kernels(net, x)
    if not kernels:
        raise NothingToCompareError("it has no spatial Convolution to train, as int8 networks have none")
    outputs = predict(initialize(net), x)
    net.save_parameters(file)
    bases = ", ".join(sorted(base.stem for base in Path(file).parent.glob("*/*.params")))
    remarks = [
        remark,
        f"{bases}: random" if bases else "",
        "" if all(np.isfinite(array).all() for array in outputs) else "some outputs are not finite",
    ]
    return net, outputs, {"expected": len(kernels), "remark": "; ".join(filter(None, remarks))}


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {error_line(str(error))}"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (GIGABYTES << 30, GIGABYTES << 30))
    Records(Path(sys.argv[2]), Outcome).add(examine(sys.argv[1]))

"""Give DO-Conv to every network of GluonCV's registry, and check what comes of it.

A network passes if

- it has a D for every distinct non-pointwise kernel of the stock network. Those are counted in the stock
  network's graph or, where it cannot be traced, as MXNet's convolution is called: with no code of gluon_doconv;
- every layer and every parameter is called what it was called;
- with the stock network's parameters it computes bitwise what the stock network computes;
- once D has moved, it computes something else;
- folded, it computes bitwise what it computed before, and so does a stock network that loads the folded file.

Outputs are those of inference, in float32 on the CPU, for a small random input. Nothing is downloaded:
parameters are random, and so are those made for networks that insist on a pretrained base. What keeps GluonCV
from running (``gluon_doconv.compat.mends``) is mended for both networks.

Each network is examined in a process of its own. What the records of an interrupted run know is not run again.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any, Iterator, Sequence, Tuple

import gluon_doconv as doconv
from gluon_doconv.compat.mends import apply_mends

import click
import gluoncv
import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model, get_model_list, model_store, model_zoo
from mxnet.gluon import Block, SymbolBlock
from tabulate import tabulate
from tqdm import tqdm

Shape = Tuple[int, ...]
Outputs = Sequence[np.ndarray]

SEED = 0
STD = 0.1  # of D, where it is moved away from the identity
PROPOSALS = 20  # regions an R-CNN classifies; the zoo's 300 to 1000 only take longer
CROP = 96  # pixels; segmentation networks are built for one size
SECONDS, GIGABYTES = 900, 14  # for one network

PLAIN = {"pretrained_base": False}
# How a network is asked for: the first of these that its factory accepts.
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {**PLAIN, "crop_size": CROP},
    PLAIN,
    {**PLAIN, "classes": ["thing"]},
    {**PLAIN, "nclass": 2},
    {},
)

# What training scripts tell these networks besides.
PYRAMID = {
    "min_stage": 2,
    "max_stage": 6,
    "base_size": 16,
    "strides": (4, 8, 16, 32, 64),
    "scales": (2, 4, 8, 16, 32),
    "ratios": (0.5, 1, 2),
    "roi_size": (7, 7),
}
TOLD = {"custom_faster_rcnn_fpn": PYRAMID, "custom_mask_rcnn_fpn": PYRAMID}

# The first pattern that a name matches says which inputs the network takes.
INPUTS: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    ("^cifar_", ((1, 3, 32, 32),)),
    ("^siamrpn_", ((1, 3, 127, 127), (1, 3, 287, 287))),
    ("^(fcn|psp|deeplab|icnet|danet|fastscnn)", ((1, 3, CROP, CROP),)),
    ("^(c3d|p3d|i3d_inceptionv3)", ((1, 3, 16, 112, 112),)),
    ("^(i3d|r2plus1d)", ((1, 3, 16, 64, 64),)),
    ("^slowfast_4x16", ((1, 3, 32 + 4, 64, 64),)),
    ("^slowfast_8x8", ((1, 3, 32 + 8, 64, 64),)),
    ("^slowfast_16x8", ((1, 3, 64 + 16, 64, 64),)),
    ("^(densenet|squeezenet|googlenet|inceptionv1|residualattentionnet)", ((1, 3, 224, 224),)),
    ("^inceptionv3", ((1, 3, 299, 299),)),
    ("^ssd_", ((1, 3, 300, 300),)),
    ("rcnn|^yolo3|^center_net", ((1, 3, 128, 128),)),
    ("", ((1, 3, 64, 64),)),
)

# A deformable layer predicts where to sample with a convolution of its own, which is part of it.
OFFSETS = "offset_weight"


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


def family(name: str) -> str:
    """The part of GluonCV's zoo that this network is from."""
    return ".".join(model_zoo._models[name].__module__.split(".")[2:4])


def inputs(name: str) -> list[mx.nd.NDArray]:
    """A small random input that this network takes; always the same."""
    mx.random.seed(SEED)
    shapes = next(shapes for pattern, shapes in INPUTS if re.search(pattern, name))
    return [mx.nd.random.normal(shape=shape) for shape in shapes]


def build(name: str) -> Block:
    """A network of the zoo, random, named as the first one that is built in a process."""
    errors = []
    for arguments in ARGUMENTS:
        try:
            with mx.name.NameManager():
                net = get_model(name, **arguments, **TOLD.get(name, {}))
            break
        except Exception as error:
            errors.append(error)
    else:
        raise next((error for error in errors if not isinstance(error, TypeError)), errors[0])
    if hasattr(net, "_rpn_test_post_nms"):
        net._rpn_test_post_nms = net.rpn._test_post_nms = net._rcnn_max_dets = PROPOSALS
    return net


def initialize(net: Block) -> Block:
    """Give values to every parameter that the zoo gave none."""
    mx.random.seed(SEED)
    for parameter in net.collect_params().values():
        if parameter._data is None:
            parameter.initialize(default_init=_start_of(parameter.name))
    return net


def _start_of(parameter: str) -> mx.init.Initializer:
    """He's initialisation, without which deep networks compute next to nothing, and identical normalisation."""
    if parameter.endswith("weight"):
        return mx.init.Xavier("gaussian", "in", 2)
    return mx.init.One() if parameter.endswith(("gamma", "var")) else mx.init.Zero()


def predict(net: Block, x: Sequence[mx.nd.NDArray]) -> Outputs:
    """All outputs of a network, flat."""
    mx.random.seed(SEED)
    return [array.asnumpy() for array in _flat(net(*x))]


def same(some: Outputs, others: Outputs) -> bool:
    """Whether outputs are equal to the last bit."""
    return [(a.shape, a.dtype, a.tobytes()) for a in some] == [(b.shape, b.dtype, b.tobytes()) for b in others]


def count_kernels(net: Block, x: Sequence[mx.nd.NDArray]) -> tuple[int, str]:
    """The number of distinct non-pointwise kernels of a plain network, and a remark."""
    try:
        graph = _trace(net, len(x))
    except Exception:
        kernels, remark = (
            _kernels_called(initialize(net), x),
            "cannot be traced: counted as convolutions are called",
        )
    else:
        kernels, remark = _kernels_of_graph(graph), _other_kernels(graph)
    return sum(not kernel.endswith(OFFSETS) for kernel in kernels), remark


def _trace(net: Block, inputs: int) -> list[dict]:
    with mx.name.NameManager():
        outputs = net(*(mx.sym.var(f"data{i}") for i in range(inputs)))
    return json.loads(mx.sym.Group(_flat(outputs)).tojson())["nodes"]


def _kernels_of_graph(nodes: Sequence[dict]) -> set[str]:
    """Names of the variables that a convolution of more than one position takes its kernel from."""
    convolutions = [node for node in nodes if node["op"] == "Convolution"]
    spatial = [node for node in convolutions if _positions(node["attrs"]["kernel"]) > 1]
    sources = [nodes[node["inputs"][1][0]] for node in spatial]
    return {source["name"] for source in sources if source["op"] == "null"}


def _other_kernels(nodes: Sequence[dict]) -> str:
    """A remark on operators with kernels that DO-Conv is not defined for."""
    others = [node["op"].replace("_contrib_", "") for node in nodes if "kernel" in node.get("attrs", {})]
    counts = Counter(other for other in others if re.search("(De|.*Deformable)[Cc]onvolution", other))
    return ", ".join(f"{number} {operator}" for operator, number in sorted(counts.items()))


def _positions(kernel: Any) -> int:
    return prod(int(size) for size in re.findall(r"\d+", str(kernel)))


def _kernels_called(net: Block, x: Sequence[mx.nd.NDArray]) -> set[str]:
    """Names of the kernels that convolutions are called with, and of those in the graphs of SymbolBlocks."""
    graphs = [block._cached_graph[1] for block in _blocks(net).values() if isinstance(block, SymbolBlock)]
    found = {kernel for graph in graphs for kernel in _kernels_of_graph(json.loads(graph.tojson())["nodes"])}
    parameters = {id(p.data()): p.name for p in net.collect_params().values() if p._data is not None}
    convolution = mx.nd.Convolution

    def watched(data: Any, weight: Any, *args: Any, **kwargs: Any) -> Any:
        if _positions(kwargs["kernel"]) > 1 and id(weight) in parameters:
            found.add(parameters[id(weight)])
        return convolution(data, weight, *args, **kwargs)

    mx.nd.Convolution = watched
    try:
        predict(net, x)
    finally:
        mx.nd.Convolution = convolution
    return found


def names(net: Block) -> list[Any]:
    """What the blocks and the parameters of a network are called, without any D."""
    layers = [(path, block.name, block.prefix) for path, block in _blocks(net).items()]
    files = [name for name in net._collect_params_with_prefix() if not re.search("[._]D$", name)]
    return [layers, files, [name for name in net.collect_params() if not name.endswith("_D")]]


def examine(name: str) -> Outcome:
    """Everything about one network. Does not raise."""
    begin = time.perf_counter()
    findings: dict[str, Any] = {}
    try:
        with tempfile.TemporaryDirectory() as folder, offline(Path(folder)):
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
    build(name)  # so that whatever random parameters it needs are there, and names not used up by making them
    net = build(name)
    expected, remark = count_kernels(net, x)
    if not expected:
        raise NothingToCompareError("its graph has no Convolution to train: it computes in int8")
    outputs = predict(initialize(net), x)
    net.save_parameters(file)
    bases = ", ".join(sorted(base.stem for base in Path(file).parent.glob("*/*.params")))
    remarks = [
        remark,
        f"{bases}: random" if bases else "",
        "" if all(np.isfinite(array).all() for array in outputs) else "some outputs are not finite",
    ]
    return net, outputs, {"expected": expected, "remark": "; ".join(filter(None, remarks))}


@contextmanager
def offline(folder: Path) -> Iterator[None]:
    """GluonCV mended, and given random parameters, kept below ``folder``, where it would download some."""
    bases = folder / "bases"
    bases.mkdir()
    undo = apply_mends()
    original = model_store.get_model_file

    def random_parameters(name: str, **_: Any) -> str:
        file = bases / f"{name}.params"
        if not file.exists():
            net = initialize(build(name))
            predict(net, inputs(name))
            net.save_parameters(str(file))
        return str(file)

    model_store.get_model_file = random_parameters
    try:
        yield
    finally:
        model_store.get_model_file = original
        undo()


def _flat(outputs: Any) -> list[Any]:
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return [one for part in outputs for one in _flat(part)] if isinstance(outputs, (list, tuple)) else [outputs]


def _blocks(net: Block, path: str = "") -> dict[str, Block]:
    found = {path: net}
    for name, child in net._children.items():
        found.update(_blocks(child, f"{path}.{name}"))
    return found


def _in_short(error: Exception) -> str:
    """The line of an error that says what was wrong; MXNet's begin with a trace of C++."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if "Error" in line or "Check failed" in line), "")
    return f"{type(error).__name__}: {(said or ' '.join(lines))[:200]}"


def run(names: Sequence[str], jobs: int, records: Path) -> list[Outcome]:
    """Examine networks, each in a process of its own, unless the records know them already."""
    known = {outcome.name: outcome for outcome in read_records(records)}
    missing = [name for name in names if name not in known]
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(names), initial=len(names) - len(missing)) as bar:
        for done in as_completed([pool.submit(_examine_apart, name) for name in missing]):
            outcome = known[done.result().name] = done.result()
            with records.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
            bar.set_postfix_str(outcome.name)
            bar.update()
    return [known[name] for name in names]


def read_records(records: Path) -> list[Outcome]:
    """What former runs have found out."""
    lines = records.read_text().splitlines() if records.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def _examine_apart(name: str) -> Outcome:
    command = [sys.executable, __file__, "--one", name]
    try:
        child = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return Outcome(name, family(name), SECONDS, error=f"no end after {SECONDS} s")
    if child.returncode:
        said = child.stderr.decode(errors="replace").strip().splitlines() or [""]
        return Outcome(name, family(name), error=f"exit code {child.returncode}: {said[-1][:160]}")
    return Outcome(**json.loads(child.stdout.decode().splitlines()[-1]))


HEADING = """# Every network of GluonCV's zoo

`scripts/sweep` asks GluonCV's registry for every network by its name, stock and under `gluon_doconv.patched()`,
and compares the two in inference, in float32 on the CPU, on a small random input:

- *D / kernels*: how many D the network has, and how many distinct kernels of more than one position the
  convolutions in the stock network's own graph have, those written as symbols (feature pyramids, SSD's extra
  layers) included. They are counted without any code of gluon_doconv.
- *names*: every layer, every Gluon parameter and every name in a parameter file is what it was.
- *at identity*: with the stock network's parameters, read by the network's own `load_parameters`, the outputs
  are bitwise the stock network's.
- *folded*: with every D moved by random numbers, which has to change the outputs, the folded network predicts
  bitwise what it predicted before, and so does a stock network that loads the folded file.

DO-Conv is not defined for transposed and deformable convolutions. They stay as they are, the ones by which
deformable layers learn where to sample included; the remarks count them. Parameters are random; networks that
insist on downloading those of another network were given random ones, and the remarks name it. What keeps
GluonCV from running on today's Python (`gluon_doconv.compat.mends`) is mended on both sides.
"""


def report(outcomes: Sequence[Outcome]) -> str:
    """The result as Markdown: what it amounts to, by family, and every network."""
    families: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.family, outcome.name)):
        families.setdefault(outcome.family, []).append(outcome)
    by_family = [
        (name, len(group), *_counts(group), _span([outcome.d for outcome in group if outcome.d is not None]))
        for name, group in families.items()
    ]
    every = [_row(outcome) for group in families.values() for outcome in group]
    parts = [
        HEADING,
        f"MXNet {mx.__version__}, GluonCV {gluoncv.__version__}. **{conclusion(outcomes)}**\n",
        _table(by_family, ["family", "networks", "pass", "fail", "nothing to compare", "D"]),
        "\n## One by one\n",
        _table(every, ["family", "network", "D / kernels", "names", "at identity", "folded", "remarks"]),
    ]
    return "\n".join(parts)


def conclusion(outcomes: Sequence[Outcome]) -> str:
    """One sentence."""
    passed, failed, excluded = _counts(outcomes)
    return (
        f"Of {len(outcomes)} networks, {passed} pass, {failed} fail, {excluded} leave nothing to compare with."
    )


def _counts(outcomes: Sequence[Outcome]) -> tuple[int, int, int]:
    """How many pass, fail, and leave nothing to compare with."""
    passed = sum(outcome.passed for outcome in outcomes)
    excluded = sum(bool(outcome.stock) for outcome in outcomes)
    return passed, len(outcomes) - passed - excluded, excluded


def _row(outcome: Outcome) -> tuple[str, ...]:
    remarks = "; ".join(filter(None, (outcome.stock, outcome.error, outcome.remark))).replace("|", "/")
    if outcome.moved is False:
        remarks = f"outputs do not depend on D; {remarks}"
    counted = (
        "" if outcome.expected is None else f"{'-' if outcome.d is None else outcome.d} / {outcome.expected}"
    )
    marks = (_MARKS[mark] for mark in (outcome.names, outcome.identity, outcome.folded))
    return (outcome.family, outcome.name, counted, *marks, remarks)


_MARKS = {True: "same", False: "DIFFERENT", None: ""}


def _span(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    return str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} – {max(numbers)}"


def _table(rows: Sequence[Sequence[Any]], headers: Sequence[str]) -> str:
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


@click.command(help=f"{__doc__.splitlines()[0]} PATTERN is a regular expression on their names.")
@click.argument("pattern", default="")
@click.option("--jobs", default=1, show_default=True, help="networks at a time")
@click.option(
    "--output", type=click.Path(path_type=Path), help="write the tables into this Markdown file as well"
)
@click.option(
    "--records", type=click.Path(path_type=Path), default="sweep.jsonl", show_default=True,
    help="JSON lines: networks in there are not examined again, others are added; delete it to begin anew",
)  # fmt: skip
@click.option("--one", hidden=True, help="examine this network here and print a record")
def main(pattern: str, jobs: int, output: Path | None, records: Path, one: str | None) -> None:
    """Run it."""
    if one:
        resource.setrlimit(resource.RLIMIT_DATA, (GIGABYTES << 30, GIGABYTES << 30))
        print(json.dumps(asdict(examine(one))))
        return
    outcomes = run([name for name in sorted(get_model_list()) if re.search(pattern, name)], jobs, records)
    text = report(outcomes)
    if output:
        output.write_text(text + "\n")
    print(text)
    print(f"sweep: {conclusion(outcomes)}")
    sys.exit(0 if all(outcome.passed or outcome.stock for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()

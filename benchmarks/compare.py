"""What DO-Conv costs: plain convolution, this package and the published formulation of the layer, side by side.

Usage: python benchmarks/compare.py [composition|step|memory|inference|all] [--quick] [--output PATH]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Sequence

from gluon_doconv.core import operators
from gluon_doconv.core.kernel import Geometry
from gluon_doconv.core.native_graph import composed_natively
from gluon_doconv.native.operator import in_force, operator

import mxnet as mx
import published
from mxnet.gluon import HybridBlock, SymbolBlock
from networks import INFERENCE, MEMORY, STEPS, Workload, native_operator, prediction, training_step
from peak import peaks
from tabulate import tabulate
from timing import CLOCKS, Neighbours, Ratio, milliseconds, side_by_side, wait_for_calm
from tqdm import tqdm

Row = Dict[str, Any]

OURS = ("ours", "folded")
CHANNELS = (64, 128, 256, 512, 1024)


class Composition(HybridBlock):
    """A composition as a block, so that it can be hybridized."""

    def __init__(self, compose: Callable[..., Any]) -> None:
        super().__init__()
        self._compose = compose

    def hybrid_forward(self, F: Any, weight: Any, d: Any) -> Any:
        """W' of ``weight`` and ``d``."""
        return self._compose(F, weight, d)


def composition(options: argparse.Namespace) -> Iterator[Row]:
    """Forward and backward of the composition alone, for 3×3 kernels with C_in = C_out."""
    for channels in CHANNELS[:3] if options.quick else CHANNELS:
        for mode, blocks in (("hybridized", _graphs(channels)), ("imperative", _compositions(channels))):
            steps: dict[str, Callable[[], object]] = {
                name: _composition_step(block, channels, native=name == "ours")
                for name, block in blocks.items()
            }
            steps["copy"] = _copies(channels)
            seconds, noise = _measure(steps, options, repeats=31 if channels < 512 else 11)
            yield {
                "kernel": f"{channels}×{channels}×3×3",
                "mode": mode,
                "ours, ms": milliseconds(seconds["ours"]),
                "by MXNet / ours": Ratio.of(seconds["by MXNet"], seconds["ours"]),
                "published / ours": Ratio.of(seconds["published"], seconds["ours"]),
                "ours / three copies": Ratio.of(seconds["ours"], seconds["copy"]),
                "target": "≥ 50, ≤ 3.5" if channels == 512 else "",
                **noise,
            }


def _compositions(channels: int) -> dict[str, HybridBlock]:
    geometry = Geometry(channels, (3, 3), groups=1, d_mul=9)
    ours = Composition(lambda F, w, d: operators.compose(F, w, d, geometry))
    published_one = Composition(lambda F, w, d: published.compose(F, w, d, channels, channels, (3, 3)))
    return {"ours": ours, "by MXNet": ours, "published": published_one}


def _graphs(channels: int) -> dict[str, HybridBlock]:
    """The same as graphs; ours is taken out of that which runs in place of a convolution's."""
    blocks = _compositions(channels)
    for block in blocks.values():
        block.hybridize()
    weight, d = mx.sym.var("conv_weight"), mx.sym.var("conv_D")
    kernel = blocks["by MXNet"](weight, d)
    convolution = mx.sym.Convolution(
        mx.sym.var("x"), kernel, name="conv", kernel=(3, 3), num_filter=channels, no_bias=True
    )
    native = composed_natively(convolution, adding=False) if operator() else None
    if native is None:
        raise SystemExit(f"kernels are composed by {in_force()}: there is nothing to compare")
    return {**blocks, "ours": SymbolBlock(native.get_internals()["conv_kernel_output1"], [weight, d])}


def _composition_step(block: HybridBlock, channels: int, native: bool) -> Callable[[], object]:
    weight = mx.nd.random.normal(shape=(channels, channels, 3, 3))
    d = mx.nd.random.normal(shape=(9, 9, channels))
    head = mx.nd.ones_like(weight)
    weight.attach_grad()
    d.attach_grad()

    def step() -> None:
        with native_operator(native), mx.autograd.record():
            kernel = block(weight, d)
        kernel.backward(head)

    return step


def _copies(channels: int) -> Callable[[], object]:
    """Copy three arrays of the size of W, W' and a gradient, each into one that exists."""
    pairs = [[mx.nd.ones((channels, channels, 3, 3)) for _ in range(2)] for _ in range(3)]
    return lambda: [source.copyto(target) for source, target in pairs]


def step(options: argparse.Namespace) -> Iterator[Row]:
    """Whole training steps: forward, loss, backward, update."""
    for workload in STEPS[-2:] if options.quick else STEPS:
        steps = {name: training_step(workload, name, options.static) for name in workload.variants}
        yield from _compared_with_plain(workload, steps, options)


def inference(options: argparse.Namespace) -> Iterator[Row]:
    """Predictions of the folded network."""
    for workload in INFERENCE[:1] if options.quick else INFERENCE:
        steps = {name: prediction(workload, name) for name in workload.variants}
        yield from _compared_with_plain(workload, steps, options)


def _compared_with_plain(
    workload: Workload, steps: dict[str, Callable[[], object]], options: argparse.Namespace
) -> Iterator[Row]:
    seconds, noise = _measure(steps, options, repeats=30)
    for name, measured in seconds.items():
        yield {
            "network": str(workload),
            "layers": name,
            "ms": milliseconds(measured),
            "ratio to plain": Ratio.of(measured, seconds["plain"]),
            "target": workload.target if name in OURS else "",
            **noise,
        }


def _measure(
    steps: dict[str, Callable[[], object]], options: argparse.Namespace, repeats: int
) -> tuple[dict[str, list[float]], Row]:
    load = wait_for_calm(options.wait)
    neighbours = Neighbours()
    repeats = 3 if options.quick else options.repeats or repeats
    seconds = side_by_side(steps, repeats, CLOCKS[options.clock])
    return seconds, {"load before": load, "others' share": neighbours.share()}


def memory(options: argparse.Namespace) -> Iterator[Row]:
    """Peak resident memory of three training steps, each network in a process of its own."""
    for workload in MEMORY[:1] if options.quick else MEMORY:
        measured = {name: peaks(workload, name) for name in workload.variants}
        plain = measured["plain"]
        for name, peak in measured.items():
            yield {
                "network": str(workload),
                "layers": name,
                "peak, MB": peak["step"],
                "ratio to plain": peak["step"] / plain["step"],
                "above imports, MB": peak["step"] - peak["import"],
                "ratio above imports": (peak["step"] - peak["import"]) / (plain["step"] - plain["import"]),
                "target": workload.target if name in OURS else "",
            }


SECTIONS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "composition": composition,
    "step": step,
    "memory": memory,
    "inference": inference,
}


def environment() -> Row:
    """The machine and the versions the figures depend on."""
    return {
        "processor": f"{platform.machine()} of {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in ("mxnet", "gluoncv", "numpy")},
    }


def _line(facts: Row) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def table(rows: Sequence[Row]) -> str:
    """``rows`` in Markdown."""
    cells = [{key: _cell(value) for key, value in row.items()} for row in rows]
    return tabulate(cells, "keys", "github", disable_numparse=True)


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def save(results: dict[str, list[Row]], output: Path) -> None:
    """Write ``results`` beside each other as JSON and as Markdown."""
    contents = {"environment": environment(), **results}
    output.with_suffix(".json").write_text(json.dumps(contents, default=asdict, indent=1))
    sections = (f"## {name}\n\n{table(rows)}\n" for name, rows in results.items())
    output.with_suffix(".md").write_text("\n".join((_line(environment()) + "\n", *sections)))


def main() -> None:
    """Run the sections asked for; print their tables, and save them if asked to."""
    options = parse(sys.argv[1:])
    print(_line(environment()))
    results = {}
    for name in SECTIONS if options.section == "all" else (options.section,):
        results[name] = list(tqdm(SECTIONS[name](options), name, leave=False, disable=None))
        print(f"\n## {name}\n\n{table(results[name])}", flush=True)
        if options.output:
            save(results, options.output)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", nargs="?", default="all", choices=(*SECTIONS, "all"))
    parser.add_argument("--quick", action="store_true", help="small workloads, three repeats: does it run?")
    parser.add_argument("--static", action="store_true", help="hybridize(static_alloc=True, static_shape=True)")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: this process's time, where others disturb"
    )
    parser.add_argument("--repeats", type=int, help="repeats of each measurement")
    parser.add_argument(
        "--wait",
        type=float,
        default=0,
        metavar="SECONDS",
        help="longest wait for a load average below 0.6 before each measurement",
    )
    parser.add_argument("--output", type=Path, help="save the tables as OUTPUT.json and OUTPUT.md")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

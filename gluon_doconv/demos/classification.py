"""GluonCV's CIFAR ResNet-20 on real digits, plain and with DO-Conv: train, fold, export, compare."""

from __future__ import annotations

import json
import platform
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model
from mxnet.gluon import HybridBlock, SymbolBlock
from tabulate import tabulate

from .. import __version__
from ..checkpoint import fold_params
from ..convert import over_parameterize
from ..data import DIGITS, Split, digits
from ..files import atomic
from ..graph import export, export_onnx
from .curves import draw_curves
from .fit import History, Recipe, accuracy_of, fit, predict

MODEL = "cifar_resnet20_v1"


@dataclass(frozen=True)
class Trained:
    """One of the two networks after training."""

    history: History
    parameters: int


@dataclass(frozen=True)
class Deployed:
    """The trained DO-Conv network after folding, each way of running it against the unfolded one.

    Differences are the largest over all validation outputs, absolute; ``scale`` is the largest output.
    """

    parameters: int
    accuracy: float
    folded_difference: float
    symbol_difference: float
    onnx_difference: float
    scale: float


def run(output: Path, recipe: Recipe) -> str:
    """Do the whole job, write everything into ``output``, and return what was measured, as text."""
    output.mkdir(parents=True, exist_ok=True)
    train, validation = digits()
    print(
        f"{MODEL} on {len(train.labels):,} real digits, validated on {len(validation.labels):,} others: plain, "
        f"then with DO-Conv, {recipe.epochs} epochs each; same seed, order and settings.",
        flush=True,
    )
    plain = build(recipe.seed, train.images[:1])
    doconv = build(recipe.seed, train.images[:1])
    over_parameterize(doconv)
    trained = {
        label: train_one(net, label, train, validation, recipe, output)
        for label, net in (("plain", plain), ("DO-Conv", doconv))
    }
    deployed = deploy(doconv, output, validation)
    text = f"{results_table(trained, deployed)}\n\n{verdict(trained, deployed, len(validation.labels))}"
    draw_curves(
        {label: result.history for label, result in trained.items()},
        output / "curves.png",
        f"{MODEL} on {len(train.labels):,} digits, seed {recipe.seed}",
    )
    write_results(output, recipe, trained, deployed, text)
    return text


def build(seed: int, image: np.ndarray) -> HybridBlock:
    """The network with its initial weights, which depend on the seed alone. ``image``: (1, 1, 28, 28)."""
    mx.random.seed(seed)
    net = get_model(MODEL, classes=DIGITS)
    ctx = mx.gpu() if mx.context.num_gpus() else mx.cpu()
    net.initialize(mx.init.Xavier(), ctx=ctx)
    predict(net, image)
    return net


def train_one(
    net: HybridBlock, label: str, train: Split, validation: Split, recipe: Recipe, output: Path
) -> Trained:
    """Train one of the two networks and save its checkpoint."""
    net.hybridize()
    history = fit(net, train, validation, recipe, label)
    net.save_parameters(str(output / f"{slug(label)}.params"))
    return Trained(history, count_parameters(net))


def deploy(net: HybridBlock, output: Path, validation: Split) -> Deployed:
    """Fold the trained network; run it again in stock GluonCV, as an exported graph, and by ONNX Runtime."""
    unfolded = predict(net, validation.images)
    fold_params(output / "do-conv.params", output / "folded.params")
    stock = get_model(MODEL, classes=DIGITS)
    stock.load_parameters(
        str(output / "folded.params"), ctx=next(iter(net.collect_params().values())).list_ctx()
    )
    folded = predict(stock, validation.images)
    symbol_file, params_file = export(net, str(output / "folded"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet: the exported graph does not name the dtype of its data
        symbol = SymbolBlock.imports(symbol_file, ["data"], params_file)
    onnx_file = export_onnx(net, str(output / "folded.onnx"), validation.images.shape)
    return Deployed(
        parameters=count_parameters(stock),
        accuracy=accuracy_of(folded, validation.labels),
        folded_difference=largest_difference(folded, unfolded),
        symbol_difference=largest_difference(predict(symbol, validation.images), unfolded),
        onnx_difference=largest_difference(run_onnx(onnx_file, validation.images), unfolded),
        scale=float(np.abs(unfolded).max()),
    )


def run_onnx(path: str, images: np.ndarray) -> np.ndarray:
    """The outputs of an ONNX file for ``images``, (N, classes)."""
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"data": images})[0]


def largest_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest absolute difference."""
    return float(np.abs(a - b).max())


def count_parameters(net: HybridBlock) -> int:
    """Trained numbers: weights, biases, D; not the running statistics."""
    return sum(int(np.prod(p.shape)) for p in net.collect_params().values() if p.grad_req != "null")


def slug(label: str) -> str:
    """A label as part of a file name."""
    return label.lower()


def results_table(trained: dict[str, Trained], deployed: Deployed) -> str:
    """The comparison as a Markdown table."""
    plain, doconv = trained["plain"], trained["DO-Conv"]
    rows = [
        (
            "validation accuracy, last epoch",
            *(f"{t.history.validation_accuracy[-1]:.2%}" for t in (plain, doconv)),
        ),
        (
            "validation accuracy, best epoch",
            *(f"{max(t.history.validation_accuracy):.2%}" for t in (plain, doconv)),
        ),
        ("training loss, last epoch", *(f"{t.history.loss[-1]:.4f}" for t in (plain, doconv))),
        ("parameters while training", f"{plain.parameters:,}", f"{doconv.parameters:,}"),
        ("parameters after folding", f"{plain.parameters:,}", f"{deployed.parameters:,}"),
        ("seconds per epoch, median", *(f"{median(t.history.seconds):.1f}" for t in (plain, doconv))),
        ("validation accuracy, folded, in stock GluonCV", "", f"{deployed.accuracy:.2%}"),
        ("largest difference: folded − unfolded", "", f"{deployed.folded_difference:.2g}"),
        ("largest difference: exported, plain MXNet − unfolded", "", f"{deployed.symbol_difference:.2g}"),
        ("largest difference: ONNX Runtime − unfolded", "", f"{deployed.onnx_difference:.2g}"),
        ("largest output, for scale", "", f"{deployed.scale:.3g}"),
    ]
    return tabulate(rows, headers=["", "plain", "DO-Conv"], tablefmt="github", disable_numparse=True)


def verdict(trained: dict[str, Trained], deployed: Deployed, validated: int) -> str:
    """What the table says, in words, also when DO-Conv is behind."""
    gain = 100 * (
        trained["DO-Conv"].history.validation_accuracy[-1] - trained["plain"].history.validation_accuracy[-1]
    )
    place = (
        "level with plain"
        if gain == 0
        else f"{abs(gain):.2f} points {'ahead of' if gain > 0 else 'behind'} plain"
    )
    equal = "bitwise the unfolded one" if deployed.folded_difference == 0 else "NOT bitwise the unfolded one"
    return (
        f"DO-Conv ends {place}. This is one seed and {validated:,} validation digits, of which one is "
        f"{100 / validated:.2g} points: it shows that everything works, not how much DO-Conv gains.\n"
        f"The folded network is {equal} and has as many parameters as the plain one."
    )


def write_results(
    output: Path, recipe: Recipe, trained: dict[str, Trained], deployed: Deployed, text: str
) -> None:
    """``results.json`` with every number and the versions that made it, ``results.md`` with the table."""
    results = {
        "model": MODEL,
        "recipe": asdict(recipe),
        "versions": {
            "python": platform.python_version(),
            "mxnet": mx.__version__,
            "numpy": np.__version__,
            "gluon_doconv": __version__,
        },
        "trained": {label: asdict(result) for label, result in trained.items()},
        "deployed": asdict(deployed),
    }
    with atomic(output / "results.json", output / "results.md") as (json_file, markdown_file):
        Path(json_file).write_text(json.dumps(results, indent=2) + "\n")
        Path(markdown_file).write_text(text + "\n")

"""The paper's protocol of Tables 4 and 5: a backbone learns to classify, then a network on it another task.

The plain network is plain in both stages, the other DO-Conv in both. The two train side by side, each in a
process of its own.
"""

from __future__ import annotations

import multiprocessing
import warnings
from abc import ABC, abstractmethod
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ContextManager, Iterator, NamedTuple

import mxnet as mx
from gluoncv.utils import random
from mxnet.gluon import HybridBlock
from tqdm import tqdm

from ...patching.patch import patched
from ...patching.pretrained import serve_weights
from ..datasets import write
from ..tracking import Tracker, no_tracker
from .comparison import Comparison, Trained, report, write_results
from .curves import Panel, draw_curves
from .deployment import checkpoint, count_parameters, deploy
from .fit import DOCONV, LABELS, History, Validation, default_context
from .pretraining import pretrain


class DataSets(NamedTuple):
    """The folders of both stages."""

    portraits: Path
    scenes: Path


class TwoStages(ABC):
    """A job of two stages; what is particular to a task is in the methods that are abstract here.

    ``recipe`` is a dataclass with at least ``images``, ``epochs``, ``seed``, ``size``, ``digits`` and
    ``classification``. ``tracker`` is told of both stages of both networks.
    """

    model: str
    layout: str  # of the second stage's data set
    decisive: str  # the score that the verdict is about
    curves: tuple[str, ...]  # the scores that are drawn

    def __init__(self, recipe: Any, tracker: Tracker = no_tracker) -> None:
        self.recipe = recipe
        self.tracker = tracker

    @abstractmethod
    def build(self, pretrained_base: bool = False) -> HybridBlock:
        """The network with all its parameters initialised, as GluonCV's script builds it."""

    @abstractmethod
    def validation(self, scenes: Path) -> Validation:
        """What the network is measured on."""

    @abstractmethod
    def learn(self, net: HybridBlock, scenes: Path, label: str) -> History:
        """Train the network, as GluonCV's script does; everything random comes from the seeded generators."""

    @abstractmethod
    def draw(self, nets: dict[str, HybridBlock], scenes: Path, path: Path) -> None:
        """Predictions of both networks on the first validation images, as PNG."""

    def mended(self) -> ContextManager:
        """What GluonCV needs to run this task."""
        return nullcontext()

    def run(self, output: Path) -> str:
        """Do the whole job, write everything into ``output``, and return what was measured, as text."""
        output.mkdir(parents=True, exist_ok=True)
        print(self._announcement(), flush=True)
        data = self._data(output / "data")
        trained = side_by_side(partial(self.train, data=data, output=output))
        with self.mended(), quiet():
            nets = {label: self._load(label, output) for label in LABELS}
            validation = self.validation(data.scenes)
            comparison = Comparison(
                model=self.model,
                recipe=asdict(self.recipe),
                decisive=self.decisive,
                evidence=f"{len(validation.inputs)} validation images",
                trained=trained,
                deployed=deploy(nets[DOCONV], self.build(), output, validation),
            )
            self.draw(nets, data.scenes, output / "predictions.png")
        self._draw_curves(comparison, output / "curves.png")
        write_results(output, comparison)
        return report(comparison)

    def train(self, label: str, data: DataSets, output: Path) -> Trained:
        """Both stages of one of the networks; its checkpoint is written into ``output``."""
        weights = output / "weights" / label.lower()
        with self.mended(), quiet():
            with building(label):
                random.seed(self.recipe.seed)
                pretraining = pretrain(self.recipe.classification, data.portraits, weights, label, self.tracker)
                random.seed(self.recipe.seed)
                with weights_from(weights):
                    net = self.build(pretrained_base=True)
            parameters = count_parameters(net)
            random.seed(self.recipe.seed)
            history = self.learn(net, data.scenes, label)
        net.save_parameters(str(checkpoint(output, label)))
        return Trained(history, parameters, pretraining)

    def _load(self, label: str, output: Path) -> HybridBlock:
        with building(label):
            net = self.build()
        net.load_parameters(str(checkpoint(output, label)), ctx=default_context())
        net.hybridize()
        return net

    def _data(self, folder: Path) -> DataSets:
        recipe, stage = self.recipe, self.recipe.classification
        return DataSets(
            data_set("imagenet", folder, stage.images, stage.size, recipe.seed, recipe.digits),
            data_set(self.layout, folder, recipe.images, recipe.size, recipe.seed, recipe.digits),
        )

    def _announcement(self) -> str:
        recipe, stage = self.recipe, self.recipe.classification
        return (
            f"{self.model}, plain and with DO-Conv side by side; same seed, order and settings in both.\n"
            f"First {stage.backbone} learns to classify {stage.images:,} photographs of {stage.size} px with "
            f"one digit ({', '.join(map(str, recipe.digits))}), {stage.epochs} epochs; then the network learns "
            f"on {recipe.images:,} photographs of {recipe.size} px with several, {recipe.epochs} epochs."
        )

    def _draw_curves(self, comparison: Comparison, path: Path) -> None:
        histories = {label: trained.history for label, trained in comparison.trained.items()}
        scores = {label: {name: h[name] for name in self.curves} for label, h in histories.items()}
        losses = {label: {"": history["loss"]} for label, history in histories.items()}
        title = f"{self.model} on {self.recipe.images} photographs with digits, seed {self.recipe.seed}"
        draw_curves([Panel("validation", scores), Panel("training loss", losses)], path, title)


def side_by_side(job: Any) -> dict[str, Any]:
    """Call ``job``, which must be picklable, with the label of each network; an exception in one is raised.

    The processes are spawned: a fork of a process in which MXNet has worked would hang.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        len(LABELS), mp_context=context, initializer=tqdm.set_lock, initargs=(context.RLock(),)
    ) as pool:
        return dict(zip(LABELS, pool.map(job, LABELS)))


@contextmanager
def quiet() -> Iterator[None]:
    """Meanwhile no warnings of MXNet and GluonCV about each other."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(mxnet|gluoncv|numpy)\b")
        yield


def initialised(net: HybridBlock, size: int) -> HybridBlock:
    """``net`` with values where it had none, and with all shapes known, for square images of ``size``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet: what is pretrained is initialised already
        net.initialize(ctx=default_context())
    net(mx.nd.zeros((1, 3, size, size), ctx=default_context()))
    mx.nd.waitall()  # a weight that is read while oneDNN moves it into its own layout comes out in disorder
    return net


def building(label: str) -> ContextManager:
    """Meanwhile GluonCV builds networks of this label: plain, or with DO-Conv."""
    return patched() if label == DOCONV else nullcontext()


@contextmanager
def weights_from(folder: Path) -> Iterator[None]:
    """Meanwhile GluonCV finds pretrained weights in ``folder``."""
    undo = serve_weights(folder)
    try:
        yield
    finally:
        undo()


def data_set(layout: str, folder: Path, images: int, size: int, seed: int, digits: tuple[int, ...]) -> Path:
    """The data set of square images, written unless an earlier run has."""
    target = folder / f"{layout}-{images}-{size}px-seed{seed}-digits{''.join(map(str, digits))}"
    return target if target.is_dir() else write(layout, target, images, (size, size), seed, digits)

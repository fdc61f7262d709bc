"""A whole job on real data: train a network of GluonCV plain and with DO-Conv, fold, export, compare."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List

import mxnet as mx
from gluoncv.utils import random
from mxnet.gluon import HybridBlock

from ...files.params import write_parameters
from ...patching.patch import patched
from ..configuration import BASELINE, DOCONV, AnnealedRecipe, Configuration
from ..datasets import ALL_DIGITS
from ..evaluation import Validation, default_context, evaluate
from ..figures.curves import Panel, draw_panels, score
from ..records import Record, versions
from ..tracking import Tracker, no_tracker
from ..training import Learner
from .comparison import Comparison, write_comparison
from .deployment import checkpoint, count_parameters, deploy
from .labels import DO_CONV, LABELS
from .progress import train_with_bar

Trained = Dict[str, List[Record]]  # under the label of a network its training, after that of its backbone
VARIANTS = dict(zip(LABELS, (BASELINE, DOCONV)))


@dataclass(frozen=True)
class Stage:
    """One training: its network, and how many images of which layout, size in pixels and digits it sees."""

    network: str
    layout: str
    images: int
    size: int
    recipe: AnnealedRecipe
    digits: tuple[int, ...] = ALL_DIGITS

    def data(self, seed: int) -> str:
        """Name the data set that is drawn with this seed."""
        digits = "".join(map(str, self.digits))
        return f"{self.layout}-{self.images}-{self.size}px-seed{seed}-digits{digits}"

    def configuration(self, label: str, seed: int) -> Configuration:
        """Describe the training of the network of this label."""
        return Configuration(self.data(seed), self.network, VARIANTS[label], self.recipe)


class Demo(ABC):
    """The job; what is particular to a task is in the methods that are abstract here.

    ``stage`` is the training of the network; ``tracker`` receives what it measures.
    """

    task: str
    subject: str  # what there is on the images
    scores: tuple[str, ...]
    decisive: str  # the score that the verdict is about
    drawn: tuple[str, ...]  # two scores

    def __init__(self, stage: Stage, seed: int = 0, tracker: Tracker = no_tracker) -> None:
        self.stage = stage
        self.seed = seed
        self.tracker = tracker

    @abstractmethod
    def announcement(self) -> str:
        """Say what is going to happen."""

    @abstractmethod
    def data(self, folder: Path) -> Any:
        """Return what the methods below call ``data``; files of it are written into ``folder``."""

    @abstractmethod
    def build(self) -> HybridBlock:
        """Build the network as GluonCV's script does, all its parameters initialised."""

    @abstractmethod
    def learner(self, net: HybridBlock, data: Any) -> Learner:
        """Make ready to train as GluonCV's script does; everything random comes from seeded generators."""

    @abstractmethod
    def validation(self, data: Any) -> Validation:
        """Return what the network is measured on."""

    @abstractmethod
    def draw_predictions(self, nets: dict[str, HybridBlock], data: Any, path: Path) -> None:
        """Draw what both networks predict of the first validation images."""

    def configuration(self, label: str) -> Configuration:
        """Describe the training of the network of this label."""
        return self.stage.configuration(label, self.seed)

    def evaluation(self, net: HybridBlock, data: Any) -> Callable[[], dict[str, float]]:
        """Make what measures ``net``."""
        return partial(evaluate, net, self.validation(data))

    def panels(self, networks: dict[str, list[Record]]) -> list[Panel]:
        """Choose the curves to draw: two scores and the loss."""
        solid, dashed = self.drawn
        measures = [score(solid), score(dashed)]
        return [
            Panel(f"validation: {solid} (solid), {dashed} (dashed)", "score", networks, measures),
            Panel("training", "loss", networks, [score("loss")]),
        ]

    def evidence(self, validation: Validation) -> str:
        """Say what the decisive score was measured on."""
        return f"{len(validation.inputs)} validation images"

    def workaround(self) -> ContextManager:
        """Work around what keeps GluonCV from running this task."""
        return nullcontext()

    def train_both(self, train: Callable[[str], list[Record]]) -> Trained:
        """Call ``train`` with the label of each network."""
        return {label: train(label) for label in LABELS}

    def begin(self, label: str, data: Any, output: Path) -> tuple[list[Record], HybridBlock]:
        """Build the network as it is before its training, and return what was trained for that."""
        random.seed(self.seed)
        return [], self.build()

    def run(self, output: Path) -> str:
        """Do the whole job, write everything into ``output``, and return what was measured, as text."""
        output.mkdir(parents=True, exist_ok=True)
        print(self.announcement(), flush=True)
        data = self.data(output / "data")
        trained = self.train_both(partial(self.train, data=data, output=output))
        with self.workaround(), quiet():
            nets = {label: self._load(label, output) for label in LABELS}
            validation = self.validation(data)
            deployed = deploy(nets[DO_CONV], self.build(), output, validation)
            self.draw_predictions(nets, data, output / "predictions.png")
        parameters = {label: count_parameters(net) for label, net in nets.items()}
        title = f"{self.stage.network} on {self.stage.images:,} {self.subject}, seed {self.seed}"
        networks = {label: records[-1:] for label, records in trained.items()}
        draw_panels(self.panels(networks), output / "curves.png", [title])
        evidence = self.evidence(validation)
        comparison = Comparison(self.scores, self.decisive, evidence, trained, parameters, deployed)
        return write_comparison(output, comparison)

    def train(self, label: str, data: Any, output: Path) -> list[Record]:
        """Train the network of this label; its checkpoint is written into ``output``."""
        with self.workaround(), quiet():
            with building(label):
                earlier, net = self.begin(label, data, output)
            random.seed(self.seed)
            record = Record(self.configuration(label), self.seed, versions())
            record = train_with_bar(record, self.learner(net, data), f"{label}{self.task}", self.tracker)
        write_parameters(checkpoint(output, label), net)
        return [*earlier, record]

    def _load(self, label: str, output: Path) -> HybridBlock:
        with building(label):
            net = self.build()
        net.load_parameters(str(checkpoint(output, label)), ctx=default_context())
        net.hybridize()
        return net


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings of MXNet and GluonCV about each other."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(mxnet|gluoncv|numpy)\b")
        yield


def building(label: str) -> ContextManager:
    """Let GluonCV build networks of this label: plain, or with DO-Conv."""
    return patched() if label == DO_CONV else nullcontext()


def initialised(
    net: HybridBlock, shape: tuple[int, ...], init: mx.init.Initializer | None = None
) -> HybridBlock:
    """Give ``net`` values where it has none, and let it infer all shapes from an input of this one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet: what is pretrained is initialised already
        net.initialize(init or mx.init.Uniform(), ctx=default_context())
    net(mx.nd.zeros(shape, ctx=default_context()))
    mx.nd.waitall()  # a weight that is read while oneDNN moves it into its own layout comes out in disorder
    return net

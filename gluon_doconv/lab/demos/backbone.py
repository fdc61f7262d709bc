"""The paper's protocol of Tables 4 and 5: a backbone learns to classify, then a network on it another task.

The plain network is plain in both stages, the other DO-Conv in both. The two train side by side, each in a
process of its own.
"""

from __future__ import annotations

import multiprocessing
from abc import abstractmethod
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import mxnet as mx
import numpy as np
from gluoncv.data import ImageNet
from gluoncv.model_zoo import get_model
from gluoncv.utils import random
from mxnet.gluon import HybridBlock
from mxnet.gluon.data import DataLoader, Dataset
from mxnet.gluon.data.vision import transforms
from tqdm import tqdm

from ...files.params import write_parameters
from ...patching.pretrained import serve_weights
from ..configuration import Configuration
from ..datasets import write
from ..evaluation import Validation, default_context, evaluate, top_1
from ..records import Record, versions
from ..tracking import Tracker, no_tracker
from ..training import Learner, classifier_step, sgd
from .demo import Demo, Stage, Trained
from .labels import LABELS
from .progress import train_with_bar

# Of ImageNet's pixels; GluonCV normalizes every photograph by them.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class DataSets(NamedTuple):
    """The folders of both stages."""

    portraits: Path
    scenes: Path


class BackboneDemo(Demo):
    """A job of two stages, ``classification`` being the first."""

    subject = "photographs with digits"

    def __init__(
        self, classification: Stage, stage: Stage, seed: int = 0, tracker: Tracker = no_tracker
    ) -> None:
        super().__init__(stage, seed, tracker)
        self.classification = classification

    @abstractmethod
    def build(self, pretrained_base: bool = False) -> HybridBlock:
        """Build as in :class:`Demo`; the backbone may be what GluonCV finds as pretrained."""

    def data(self, folder: Path) -> DataSets:
        """Write the data sets of both stages, unless an earlier run has."""
        return DataSets(*(self._written(stage, folder) for stage in (self.classification, self.stage)))

    def configuration(self, label: str) -> Configuration:
        """Describe both stages."""
        backbone = self.classification.configuration(label, self.seed)
        return replace(super().configuration(label), backbone=backbone)

    def train_both(self, train: Callable[[str], list[Record]]) -> Trained:
        """Call ``train``, which must be picklable, in a process for each network; an exception is raised.

        The processes are spawned: a fork of a process in which MXNet has worked would hang.
        """
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            len(LABELS), mp_context=context, initializer=tqdm.set_lock, initargs=(context.RLock(),)
        ) as pool:
            return dict(zip(LABELS, pool.map(train, LABELS)))

    def begin(self, label: str, data: DataSets, output: Path) -> tuple[list[Record], HybridBlock]:
        """Train the backbone, and build the network on it."""
        backbone = self.configuration(label).backbone
        assert backbone is not None
        record = Record(backbone, self.seed, versions())
        folder = output / "weights" / label.lower()
        random.seed(self.seed)
        record = self._train_backbone(record, data.portraits, folder, f"{label}, classification")
        random.seed(self.seed)
        with weights_from(folder):
            return [record], self.build(pretrained_base=True)

    def announcement(self) -> str:
        """Say what both networks learn in both stages."""
        first, second = self.classification, self.stage
        return (
            f"{second.network}, plain and with DO-Conv side by side; same seed, order and settings in both.\n"
            f"First {first.network} learns to classify {first.images:,} photographs of {first.size} px with "
            f"one digit ({', '.join(map(str, first.digits))}), {first.recipe.epochs} epochs; then the network "
            f"learns on {second.images:,} photographs of {second.size} px with several, "
            f"{second.recipe.epochs} epochs."
        )

    def _train_backbone(self, record: Record, data: Path, folder: Path, name: str) -> Record:
        """Train a network of GluonCV's zoo on digits in ImageNet's layout; ``folder`` receives its weights."""
        stage = self.classification
        net = get_model(stage.network, last_gamma=True)  # each residual unit starts as the identity
        net.initialize(mx.init.Xavier(), ctx=default_context())
        net.hybridize()
        batches = DataLoader(
            _photographs(data, train=True), stage.recipe.batch_size, shuffle=True, last_batch="discard"
        )
        trainer = sgd(net.collect_params(), stage.recipe)
        step, measure = classifier_step(net, trainer), partial(evaluate, net, _validation(data))
        learner = Learner(trainer, batches, step, measure)
        record = train_with_bar(record, learner, name, self.tracker)
        folder.mkdir(parents=True, exist_ok=True)
        write_parameters(folder / f"{stage.network}.params", net)
        return record

    def _written(self, stage: Stage, folder: Path) -> Path:
        target, size = folder / stage.data(self.seed), (stage.size, stage.size)
        if target.is_dir():
            return target
        return write(stage.layout, target, stage.images, size, self.seed, stage.digits)


@contextmanager
def weights_from(folder: Path) -> Iterator[None]:
    """Let GluonCV find pretrained weights in ``folder``."""
    undo = serve_weights(folder)
    try:
        yield
    finally:
        undo()


def _photographs(data: Path, train: bool) -> Dataset:
    normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return ImageNet(str(data), train=train).transform_first(normalize)


def _validation(data: Path) -> Validation:
    images, labels = zip(*_photographs(data, train=False))
    return top_1([mx.nd.stack(*images).asnumpy()], np.array(labels))

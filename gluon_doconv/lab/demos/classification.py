"""GluonCV's CIFAR ResNet-20 on real digits, plain and with DO-Conv: train, fold, export, compare."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model
from mxnet.gluon import HybridBlock

from ..configuration import AnnealedRecipe
from ..datasets.digits import DIGITS, digits
from ..evaluation import Validation, top_1
from ..figures.curves import ERRORS, Panel, score
from ..images import Images, ShuffledBatches
from ..records import Record
from ..tracking import Tracker, no_tracker
from ..training import Learner, classifier_step, sgd
from .demo import Demo, Stage, initialised

MODEL = "cifar_resnet20_v1"
IMAGES, SIZE = 4000, 28
UNCHANGED = np.zeros((1, 1, 1), "float32"), np.ones((1, 1, 1), "float32")  # mean and deviation


class Classification(Demo):
    """The training of GluonCV's ``scripts/classification/cifar/train_cifar10.py``, of digits as they are."""

    task = ""
    subject = "digits"
    decisive = "validation accuracy"
    scores = (decisive,)

    def announcement(self) -> str:
        """Say what both networks learn."""
        return (
            f"{MODEL} on {self.stage.images:,} real digits, validated on others: plain, then with DO-Conv, "
            f"{self.stage.recipe.epochs} epochs each; same seed, order and settings."
        )

    def data(self, folder: Path) -> Images:
        """Return the bundled digits."""
        train, held_out = digits()
        return Images(train, held_out, DIGITS, *UNCHANGED, augmented=False)

    def build(self) -> HybridBlock:
        """Build the network; under one seed its initial weights are the same with and without DO-Conv."""
        return initialised(get_model(MODEL, classes=DIGITS), (1, 1, SIZE, SIZE), mx.init.Xavier())

    def learner(self, net: HybridBlock, data: Images) -> Learner:
        """Make ready to train in an order that depends on the seed alone."""
        net.hybridize()
        recipe = self.stage.recipe
        trainer = sgd(net.collect_params(), recipe)
        batches = ShuffledBatches(data, recipe.batch_size, repeat(np.random.RandomState(self.seed)))
        return Learner(trainer, batches, classifier_step(net, trainer), self.evaluation(net, data))

    def validation(self, data: Images) -> Validation:
        """Score the top-1 accuracy on all held-out digits, in one batch."""
        labels = data.validation.labels
        return top_1(data.validation_batches(len(labels)), labels)

    def evidence(self, validation: Validation) -> str:
        """Say how much one digit is."""
        count = len(validation.inputs[0])
        return f"{count:,} validation digits, of which one is {100 / count:.2g} points"

    def draw_predictions(self, nets: dict[str, HybridBlock], data: Images, path: Path) -> None:
        """Draw nothing: a class is no picture."""

    def panels(self, networks: dict[str, list[Record]]) -> list[Panel]:
        """Choose error rates and the loss."""
        return [
            Panel("validation (solid), training (dashed)", "error (%)", networks, ERRORS, "log"),
            Panel("training", "loss (cross-entropy)", networks, [score("loss")], "log"),
        ]


def demo(epochs: int, seed: int = 0, tracker: Tracker = no_tracker) -> Demo:
    """Make the job; its settings are those of GluonCV's training on CIFAR."""
    recipe = AnnealedRecipe(epochs, batch_size=32, learning_rate=0.1)
    return Classification(Stage(MODEL, "digits", IMAGES, SIZE, recipe), seed, tracker)

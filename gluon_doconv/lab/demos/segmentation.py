"""DeepLabv3-ResNet50 on digits in VOC's layout, plain and with DO-Conv: train, fold, export, compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import mxnet as mx
import numpy as np
from gluoncv.data import VOCSegmentation
from gluoncv.loss import MixSoftmaxCrossEntropyLoss
from gluoncv.model_zoo.segbase import get_segmentation_model
from gluoncv.utils import LRScheduler
from gluoncv.utils.metrics import SegmentationMetric
from mxnet.gluon import HybridBlock
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import transforms

from ..datasets.digits import DIGITS
from ..tracking import Tracker, no_tracker
from .fit import LABELS, History, Outputs, Validation, context_of, default_context, evaluate, fit, predict, sgd
from .pictures import draw_masks, photograph
from .pretraining import MEAN, STD, Stage
from .two_stages import TwoStages, initialised

SHOWN = 6


@dataclass(frozen=True)
class Recipe:
    """What both networks share. ``size`` is that of the images in pixels, a multiple of 8."""

    images: int
    epochs: int
    seed: int = 0
    size: int = 64
    digits: tuple[int, ...] = (0, 1, 4)  # ten are too many for a ResNet-50 to learn in minutes
    batch_size: int = 8
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    classification: Stage = Stage("resnet50_v1s", images=1000, size=48, epochs=4)  # noqa: RUF009


class Segmentation(TwoStages):
    """The job of GluonCV's ``scripts/segmentation/train.py`` in small."""

    model = "deeplab_resnet50_voc"
    layout = "voc"
    decisive = "mIoU"
    curves = ("mIoU", "pixel accuracy")

    def build(self, pretrained_base: bool = False) -> HybridBlock:
        """As in the script, without auxiliary loss, which is its default."""
        net = get_segmentation_model(
            "deeplab",
            dataset="pascal_voc",
            backbone="resnet50",
            aux=False,
            base_size=self.recipe.size,
            crop_size=self.recipe.size,
            pretrained_base=pretrained_base,
            ctx=default_context(),
        )
        return initialised(net, self.recipe.size)

    def validation(self, scenes: Path) -> Validation:
        """Intersection over union, the mean over background and digits, and pixel accuracy, by GluonCV."""
        images, truth = zip(*self.photographs(scenes, "val"))

        def score(outputs: Outputs) -> dict[str, float]:
            metric = SegmentationMetric(VOCSegmentation.NUM_CLASS)
            for label, (output,) in zip(truth, outputs):
                metric.update(label.expand_dims(0), mx.nd.array(output))
            accuracy, overlap = metric.get()  # of all classes, those that do not occur with 0
            occurring = 1 + len(self.recipe.digits)
            share = VOCSegmentation.NUM_CLASS / occurring
            return {"mIoU": float(overlap) * share, "pixel accuracy": float(accuracy)}

        return Validation([image.expand_dims(0).asnumpy() for image in images], score)

    def learn(self, net: HybridBlock, scenes: Path, label: str) -> History:
        """As in the script, but hybridized, and without its random mirror and scale: they make other digits."""
        net.hybridize()
        images = self.photographs(scenes, "train").take(self.recipe.images)  # GluonCV appends val to train
        batches = DataLoader(images, self.recipe.batch_size, shuffle=True, last_batch="discard")
        validation = self.validation(scenes)
        step = self._step(net, self._trainer(net, len(batches)))
        return fit(
            self.recipe.epochs,
            batches,
            step,
            lambda: evaluate(net, validation),
            f"{label}, segmentation",
            self.tracker,
        )

    def draw(self, nets: dict[str, HybridBlock], scenes: Path, path: Path) -> None:
        """Masks in the digits' colours."""
        inputs = self.validation(scenes).inputs[:SHOWN]
        truth = [mask.asnumpy() for _, mask in self.photographs(scenes, "val").take(SHOWN)]
        found = [[scores.argmax(axis=1)[0] for (scores,) in predict(nets[label], inputs)] for label in LABELS]
        masks = [[_digits(mask) for mask in row] for row in zip(truth, *found)]
        draw_masks([photograph(data) for data in inputs], masks, path, f"{self.model}: validation images")

    def photographs(self, scenes: Path, split: str) -> VOCSegmentation:
        """Normalized images (3, H, W), labels (H, W) with −1 where nothing counts."""
        normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
        sizes = {"base_size": self.recipe.size, "crop_size": self.recipe.size}
        return VOCSegmentation(str(scenes), split, "val", normalize, **sizes)

    def _trainer(self, net: HybridBlock, steps: int) -> mx.gluon.Trainer:
        """SGD with poly learning rate; GluonCV makes it ten times as large in the head."""
        recipe = self.recipe
        schedule = LRScheduler(
            "poly", base_lr=recipe.learning_rate, nepochs=recipe.epochs, iters_per_epoch=steps, power=0.9
        )
        return sgd(net.collect_params(), schedule, recipe)

    def _step(self, net: HybridBlock, trainer: mx.gluon.Trainer) -> Callable[[Any], dict[str, float]]:
        criterion = MixSoftmaxCrossEntropyLoss(aux=False)
        ctx = context_of(net)

        def step(batch: Any) -> dict[str, float]:
            images, labels = (array.as_in_context(ctx) for array in batch)
            with mx.autograd.record():
                loss = criterion(*net(images), labels)
            loss.backward()
            trainer.step(len(labels))
            return {"loss": float(loss.mean().asscalar())}

        return step


def run(output: Path, recipe: Recipe, tracker: Tracker = no_tracker) -> str:
    """Do the whole job, write everything into ``output``, and return what was measured, as text."""
    return Segmentation(recipe, tracker).run(output)


def _digits(mask: np.ndarray) -> np.ndarray:
    """VOC's labels as digits; −1 where there is none."""
    return np.where((mask > 0) & (mask <= DIGITS), mask - 1, -1)

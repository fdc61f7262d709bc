"""DeepLabv3-ResNet50 on digits in VOC's layout, plain and with DO-Conv: train, fold, export, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import mxnet as mx
import numpy as np
from gluoncv.data import VOCSegmentation
from gluoncv.loss import MixSoftmaxCrossEntropyLoss
from gluoncv.model_zoo.segbase import get_segmentation_model
from gluoncv.utils.metrics import SegmentationMetric
from mxnet.gluon import HybridBlock, Trainer
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import transforms

from ..configuration import AnnealedRecipe
from ..datasets.digits import DIGITS
from ..evaluation import Outputs, Validation, context_of, default_context, predict
from ..tracking import Tracker, no_tracker
from ..training import Learner, Step, sgd
from .backbone import MEAN, STD, BackboneDemo, DataSets
from .demo import Demo, Stage, initialised
from .labels import LABELS
from .pictures import draw_masks, photograph

SHOWN = 6
FEW = (0, 1, 4)  # digits: ten are too many for a ResNet-50 to learn in minutes


class Segmentation(BackboneDemo):
    """The job of GluonCV's ``scripts/segmentation/train.py`` in small; the images' size is a multiple of 8."""

    task = ", segmentation"
    scores = ("mIoU", "pixel accuracy")
    decisive = "mIoU"
    drawn = scores

    def build(self, pretrained_base: bool = False) -> HybridBlock:
        """Build the network as in the script, without auxiliary loss, which is its default."""
        net = get_segmentation_model(
            "deeplab",
            dataset="pascal_voc",
            backbone="resnet50",
            aux=False,
            base_size=self.stage.size,
            crop_size=self.stage.size,
            pretrained_base=pretrained_base,
            ctx=default_context(),
        )
        return initialised(net, (1, 3, self.stage.size, self.stage.size))

    def validation(self, data: DataSets) -> Validation:
        """Score mean intersection over union, of background and digits, and pixel accuracy, by GluonCV."""
        images, truth = zip(*self.photographs(data.scenes, "val"))

        def score(outputs: Outputs) -> dict[str, float]:
            metric = SegmentationMetric(VOCSegmentation.NUM_CLASS)
            for label, (output,) in zip(truth, outputs):
                metric.update(label.expand_dims(0), mx.nd.array(output))
            accuracy, overlap = metric.get()  # of all classes, those that do not occur with 0
            occurring = 1 + len(self.stage.digits)
            share = VOCSegmentation.NUM_CLASS / occurring
            return {"mIoU": float(overlap) * share, "pixel accuracy": float(accuracy)}

        return Validation([image.expand_dims(0).asnumpy() for image in images], score)

    def learner(self, net: HybridBlock, data: DataSets) -> Learner:
        """Make ready as in the script, but without its random mirror and scale: they make other digits."""
        net.hybridize()
        recipe = self.stage.recipe
        images = self.photographs(data.scenes, "train").take(self.stage.images)  # GluonCV appends val to train
        batches = DataLoader(images, recipe.batch_size, shuffle=True, last_batch="discard")
        trainer = sgd(net.collect_params(), recipe)  # GluonCV makes the rate ten times as large in the head
        return Learner(trainer, batches, _step(net, trainer), self.evaluation(net, data))

    def draw_predictions(self, nets: dict[str, HybridBlock], data: DataSets, path: Path) -> None:
        """Draw masks in the digits' colours."""
        inputs = self.validation(data).inputs[:SHOWN]
        truth = [mask.asnumpy() for _, mask in self.photographs(data.scenes, "val").take(SHOWN)]
        found = [[scores.argmax(axis=1)[0] for (scores,) in predict(nets[label], inputs)] for label in LABELS]
        masks = [[_digits(mask) for mask in row] for row in zip(truth, *found)]
        draw_masks(
            [photograph(data) for data in inputs], masks, path, f"{self.stage.network}: validation images"
        )

    def photographs(self, scenes: Path, split: str) -> VOCSegmentation:
        """Read normalized images (3, H, W), labels (H, W) with −1 where nothing counts."""
        normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
        sizes = {"base_size": self.stage.size, "crop_size": self.stage.size}
        return VOCSegmentation(str(scenes), split, "val", normalize, **sizes)


def _step(net: HybridBlock, trainer: Trainer) -> Callable[[Any], Step]:
    criterion = MixSoftmaxCrossEntropyLoss(aux=False)
    ctx = context_of(net)

    def step(batch: Any) -> Step:
        images, labels = (array.as_in_context(ctx) for array in batch)
        with mx.autograd.record():
            loss = criterion(*net(images), labels)
        loss.backward()
        trainer.step(len(labels))
        return Step(len(labels), len(labels) * float(loss.mean().asscalar()))

    return step


def demo(images: int, epochs: int, seed: int = 0, tracker: Tracker = no_tracker) -> Demo:
    """Make the job."""
    first = AnnealedRecipe(epochs=4, batch_size=16, learning_rate=0.02, warmup=0.1)
    second = AnnealedRecipe(epochs, batch_size=8, learning_rate=0.1, curve="poly")
    return Segmentation(
        Stage("resnet50_v1s", "imagenet", images=1000, size=48, recipe=first, digits=FEW),
        Stage("deeplab_resnet50_voc", "voc", images, size=64, recipe=second, digits=FEW),
        seed,
        tracker,
    )


def _digits(mask: np.ndarray) -> np.ndarray:
    """VOC's labels as digits; −1 where there is none."""
    return np.where((mask > 0) & (mask <= DIGITS), mask - 1, -1)

"""Faster R-CNN-FPN on digits in COCO's layout, plain and with DO-Conv: train, fold, export, compare."""

from __future__ import annotations

import io
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
from gluoncv.data import COCODetection
from gluoncv.data.batchify import FasterRCNNTrainBatchify
from gluoncv.data.sampler import SplitSortedBucketSampler
from gluoncv.data.transforms.presets.rcnn import FasterRCNNDefaultTrainTransform, FasterRCNNDefaultValTransform
from gluoncv.model_zoo.rcnn.faster_rcnn.data_parallel import ForwardBackwardTask
from gluoncv.model_zoo.rcnn.faster_rcnn.faster_rcnn import custom_faster_rcnn_fpn
from gluoncv.utils.metrics import COCODetectionMetric
from mxnet.gluon import HybridBlock, Trainer
from mxnet.gluon.data import DataLoader
from mxnet.gluon.loss import HuberLoss, SigmoidBinaryCrossEntropyLoss, SoftmaxCrossEntropyLoss

from ...compat.roi_align import masked_roi_align
from ...disk.atomic import temporary_folder
from ..configuration import AnnealedRecipe
from ..datasets.coco import DIGIT_IDS, IDS
from ..evaluation import Outputs, Validation, context_of, predict
from ..tracking import Tracker, no_tracker
from ..training import Learner, Step, sgd
from .backbone import BackboneDemo, DataSets
from .demo import Demo, Stage, initialised
from .labels import LABELS
from .pictures import Boxes, draw_boxes, photograph

SCORES = ("AP", "AP50", "AP75", "APS", "APM", "APL")  # as pycocotools lists them
DIGIT_OF = {IDS.index(number): digit for digit, number in enumerate(DIGIT_IDS)}  # by GluonCV's class
NO_OBJECT = -1  # what pycocotools says of a size of which there is none
COUNTED = 0.05  # a detection counts from this score up: the default of GluonCV's metric
SHOWN = 6
SURE = 0.5  # a box is drawn from this score up


class Detection(BackboneDemo):
    """The job of GluonCV's ``scripts/detection/faster_rcnn/train_faster_rcnn.py`` in small."""

    task = ", detection"
    scores = SCORES
    decisive = "AP50"
    drawn = ("AP50", "AP")
    channels = 64  # of the pyramid and of the region proposals

    @contextmanager
    def workaround(self) -> Iterator[None]:
        """Work around ROIAlign, which in an FPN on the CPU reads memory that nobody wrote."""
        undo = masked_roi_align()
        try:
            yield
        finally:
            undo()

    def build(self, pretrained_base: bool = False) -> HybridBlock:
        """Build the network as in the script with ``custom-model``, smaller where small images need less."""
        net = custom_faster_rcnn_fpn(
            COCODetection.CLASSES,
            dataset="coco",
            pretrained_base=pretrained_base,
            base_network_name=self.classification.network,
            num_fpn_filters=self.channels,
            num_box_head_dense_filters=256,
            short=self.stage.size,
            max_size=self.stage.size,
            min_stage=2,
            max_stage=6,
            nms_thresh=0.5,
            nms_topk=-1,
            post_nms=-1,
            roi_size=(7, 7),
            strides=(4, 8, 16, 32, 64),
            clip=4.14,
            rpn_channel=self.channels,
            scales=(1, 2, 4, 8, 16),
            alloc_size=(64, 64),
            rpn_train_pre_nms=600,
            rpn_train_post_nms=100,
            rpn_test_pre_nms=300,
            rpn_test_post_nms=50,
            rpn_min_size=1,
            per_device_batch_size=self.stage.recipe.batch_size,
            num_sample=32,
            max_num_gt=10,
        )
        _ = net.target_generator  # a property that builds it; a checkpoint has its parameters
        return initialised(net, (1, 3, self.stage.size, self.stage.size))

    def validation(self, data: DataSets) -> Validation:
        """Score COCO's average precisions by pycocotools, but for sizes of which there is no object."""
        truth = _coco(data.scenes, "val", skip_empty=False)

        def score(outputs: Outputs) -> dict[str, float]:
            with temporary_folder() as folder, redirect_stdout(io.StringIO()):
                metric = COCODetectionMetric(truth, f"{folder}/found", use_time=False)
                for classes, scores, boxes in outputs:
                    metric.update(boxes.clip(0, self.stage.size - 1), classes, scores)
                metric.get()
            found = zip(SCORES, map(float, metric._coco_eval.stats))
            return {name: value for name, value in found if value != NO_OBJECT}

        inputs = [image.expand_dims(0).asnumpy() for image, _, _ in self._measured(truth)]
        return Validation(inputs, score, _counted)

    def learner(self, net: HybridBlock, data: DataSets) -> Learner:
        """Make ready as in the script: its four losses; the first layers and all normalization stay frozen."""
        net.collect_params().setattr("grad_req", "null")
        net.collect_train_params().setattr("grad_req", "write")
        batches = self._batches(net, data.scenes)
        trainer = sgd(net.collect_train_params(), self.stage.recipe)
        step = _step(net, trainer, self.stage.recipe.batch_size)
        measure = self.evaluation(net, data)

        def evaluate() -> dict[str, float]:
            net.hybridize()  # anew: the graph of inference has other inputs
            scores = measure()
            net.hybridize()
            return scores

        net.hybridize()
        return Learner(trainer, batches, step, evaluate)

    def draw_predictions(self, nets: dict[str, HybridBlock], data: DataSets, path: Path) -> None:
        """Draw boxes in the digits' colours."""
        inputs = self.validation(data).inputs[:SHOWN]
        images = self._measured(_coco(data.scenes, "val")).take(len(inputs))
        truth = [_boxes(label[:, 4], np.ones(len(label)), label[:, :4]) for _, label, _ in images]
        found = [
            [_boxes(*(part[0] for part in parts)) for parts in predict(nets[label], inputs)] for label in LABELS
        ]
        rows = list(zip(truth, *found))
        title = f"{self.stage.network}: validation images"
        draw_boxes([photograph(data) for data in inputs], rows, path, title)

    def _measured(self, images: COCODetection) -> Any:
        """Normalized images (3, H, W), boxes and classes (N, 5), and the scale."""
        return images.transform(FasterRCNNDefaultValTransform(self.stage.size, self.stage.size))

    def _batches(self, net: HybridBlock, scenes: Path) -> DataLoader:
        """Images with the targets of region proposals, by GluonCV's sampler and transform, not mirrored."""
        images = _coco(scenes, "train", use_crowd=False)
        transform = FasterRCNNDefaultTrainTransform(
            net.short, net.max_size, net, flip_p=0, ashape=net.ashape, multi_stage=True
        )
        sampler = SplitSortedBucketSampler(
            images.get_im_aspect_ratio(), self.stage.recipe.batch_size, shuffle=True
        )
        return DataLoader(
            images.transform(transform), batch_sampler=sampler, batchify_fn=FasterRCNNTrainBatchify(net)
        )


def _step(net: HybridBlock, trainer: Trainer, batch_size: int) -> Callable[[Any], Step]:
    losses = (
        SigmoidBinaryCrossEntropyLoss(from_sigmoid=False),
        HuberLoss(rho=1 / 9),
        SoftmaxCrossEntropyLoss(),
        HuberLoss(rho=1),
    )
    task = ForwardBackwardTask(net, trainer, *losses, mix_ratio=1.0, amp_enabled=False)
    ctx = context_of(net)

    def step(batch: Any) -> Step:
        parts = (part[0] if isinstance(part, (list, tuple)) else part for part in batch)  # of one device
        measured = task.forward_backward([part.as_in_context(ctx) for part in parts])[: len(losses)]
        trainer.step(batch_size)
        return Step(1, sum(float(loss.asscalar()) for loss in measured))  # each a mean over the batch

    return step


def demo(images: int, epochs: int, seed: int = 0, tracker: Tracker = no_tracker) -> Demo:
    """Make the job."""
    first = AnnealedRecipe(epochs=4, batch_size=16, learning_rate=0.02, warmup=0.1)
    second = AnnealedRecipe(epochs, batch_size=4, learning_rate=0.02, warmup=0.1)
    return Detection(
        Stage("resnet18_v1b", "imagenet", images=2000, size=48, recipe=first),
        Stage("custom_faster_rcnn_fpn_resnet18_v1b", "coco", images, size=96, recipe=second),
        seed,
        tracker,
    )


def _coco(scenes: Path, part: str, **options: bool) -> COCODetection:
    with redirect_stdout(io.StringIO()):  # pycocotools prints
        return COCODetection(str(scenes), f"instances_{part}2017", **options)


def _counted(outputs: Outputs) -> Outputs:
    """The detections that GluonCV's metric counts, those with a score from 0.05 up, in order of class and box.

    Among the others a rounding error can change which regions are proposed at all.
    """
    rows = [np.concatenate(parts, axis=-1)[0] for parts in outputs]  # class, score, box
    kept = [found[(found[:, 0] >= 0) & (found[:, 1] >= COUNTED)] for found in rows]
    return [(found[np.lexsort(found[:, [3, 2, 0]].T)],) for found in kept]


def _boxes(classes: np.ndarray, scores: np.ndarray, boxes: np.ndarray) -> Boxes:
    """What is sure enough to be drawn, with digits for COCO's classes."""
    classes, scores = classes.ravel().astype(int), scores.ravel()
    kept = [i for i, (name, score) in enumerate(zip(classes, scores)) if name in DIGIT_OF and score >= SURE]
    return Boxes(boxes[kept], np.array([DIGIT_OF[classes[i]] for i in kept]), scores[kept])

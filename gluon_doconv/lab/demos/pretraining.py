"""The classification stage: a backbone learns what the digits are before it is put to work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
from gluoncv.data import ImageNet
from gluoncv.model_zoo import get_model
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import transforms

from ..tracking import Tracker
from .fit import (
    History,
    Outputs,
    Validation,
    classifier_step,
    default_context,
    evaluate,
    fit,
    sgd,
    warmed_cosine,
)

# Of ImageNet's pixels; GluonCV normalizes every photograph by them.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Stage:
    """How a backbone is trained."""

    backbone: str
    images: int
    size: int
    epochs: int
    batch_size: int = 16
    learning_rate: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 1e-4


def pretrain(stage: Stage, data: Path, folder: Path, label: str, tracker: Tracker) -> History:
    """Train a backbone of GluonCV's zoo on digits in ImageNet's layout; ``folder`` receives its weights.

    Everything random comes from the global generators: seed them before.
    """
    net = get_model(stage.backbone, last_gamma=True)  # each residual unit starts as the identity
    net.initialize(mx.init.Xavier(), ctx=default_context())
    net.hybridize()
    batches = DataLoader(_images(data, train=True), stage.batch_size, shuffle=True, last_batch="discard")
    schedule = warmed_cosine(stage.learning_rate, stage.epochs * len(batches))
    trainer = sgd(net.collect_params(), schedule, stage)
    validation = _validation(data)
    history = fit(
        stage.epochs,
        batches,
        classifier_step(net, trainer),
        lambda: evaluate(net, validation),
        f"{label}, classification",
        tracker,
    )
    folder.mkdir(parents=True, exist_ok=True)
    net.save_parameters(str(folder / f"{stage.backbone}.params"))
    return history


def _images(data: Path, train: bool) -> mx.gluon.data.Dataset:
    normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return ImageNet(str(data), train=train).transform_first(normalize)


def _validation(data: Path) -> Validation:
    """Top-1 accuracy."""
    images, labels = zip(*_images(data, train=False))
    batch = mx.nd.stack(*images).asnumpy()

    def score(outputs: Outputs) -> dict[str, float]:
        ((probabilities,),) = outputs
        return {"validation accuracy": float((probabilities.argmax(axis=1) == labels).mean())}

    return Validation([batch], score)

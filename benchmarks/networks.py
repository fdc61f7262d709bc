"""The networks that are compared: plain, as DO-Conv, and with the published formulation of the layer."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator

import gluon_doconv
from gluon_doconv.native.operator import SWITCH

import mxnet as mx
from gluoncv.model_zoo import get_model
from mxnet import autograd, gluon
from mxnet.gluon import HybridBlock
from published import publish

STATIC = {"static_alloc": True, "static_shape": True}


@dataclass(frozen=True)
class Workload:
    """A network, the batches it is given, and the variants that are feasible with it."""

    title: str
    model: str
    size: int
    batch: int
    variants: tuple[str, ...] = ("plain", "ours", "by MXNet")
    target: str = ""

    def __str__(self) -> str:
        return f"{self.title}, {self.size} px, batch {self.batch}"

    def images(self) -> mx.nd.NDArray:
        """A batch of noise."""
        return mx.nd.random.uniform(shape=(self.batch, 3, self.size, self.size))


ALL = ("plain", "ours", "by MXNet", "published")
STEPS = (
    Workload("ResNet-18 v1b", "resnet18_v1b", 224, 32, ALL, target="≤ 1.10"),
    Workload("ResNet-50 v1b", "resnet50_v1b", 224, 16, ALL, target="≤ 1.10"),
    Workload("MobileNetV2", "mobilenetv2_1.0", 224, 16, target="≤ 1.03"),
    Workload("ResNeXt-50 32x4d", "resnext50_32x4d", 112, 8, target="≤ 1.03"),
    Workload("CIFAR ResNet-20", "cifar_resnet20_v1", 32, 32, ALL, target="≤ 1.03"),
    Workload("ResNet-18 v1b", "resnet18_v1b", 112, 16, ALL),
)
MEMORY = (
    Workload("ResNet-18 v1b", "resnet18_v1b", 112, 16, ALL, target="≤ 1.30"),
    Workload("ResNet-50 v1b", "resnet50_v1b", 112, 16, ALL, target="≤ 1.30"),
    Workload("MobileNetV2", "mobilenetv2_1.0", 112, 16, target="≤ 1.30"),
)
INFERENCE = (
    Workload("ResNet-18 v1b", "resnet18_v1b", 224, 8, ("plain", "folded"), target="1.00"),
    Workload("ResNet-50 v1b", "resnet50_v1b", 224, 8, ("plain", "folded"), target="1.00"),
    Workload("MobileNetV2", "mobilenetv2_1.0", 224, 8, ("plain", "folded"), target="1.00"),
)


def build(workload: Workload, variant: str) -> HybridBlock:
    """An initialised, unhybridized network; ``variant`` is plain, ours, by MXNet, folded or published."""
    mx.random.seed(0)
    net = get_model(workload.model)
    if variant in ("ours", "by MXNet"):
        gluon_doconv.over_parameterize(net)
    net.initialize(mx.init.MSRAPrelu())
    if variant == "folded":
        gluon_doconv.over_parameterize(net)
        gluon_doconv.fold(net)
    if variant == "published":
        net(workload.images()[:1])  # it has to know every C_in
        publish(net)
    return net


def training_step(workload: Workload, variant: str, static: bool = False) -> Callable[[], object]:
    """Forward, loss, backward and update, as GluonCV's classification scripts do them."""
    net = build(workload, variant)
    net.hybridize(**(STATIC if static else {}))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1e-3, "momentum": 0.9, "wd": 1e-4})
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    images, labels = workload.images(), mx.nd.arange(workload.batch) % 10

    def step() -> None:
        with autograd.record():
            loss = loss_of(net(images), labels)
        loss.backward()
        trainer.step(workload.batch)

    with native_operator(variant != "by MXNet"):
        step()  # which decides what composes from now on
    return step


@contextmanager
def native_operator(on: bool) -> Iterator[None]:
    """Have graphs that are built in the block compose by the native operator, or by MXNet's own."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = str(int(on))
    yield
    os.environ.pop(SWITCH)
    if before is not None:
        os.environ[SWITCH] = before


def prediction(workload: Workload, variant: str) -> Callable[[], object]:
    """One prediction of a network hybridized for deployment."""
    net = build(workload, variant)
    net.hybridize(**STATIC)
    images = workload.images()
    return lambda: net(images)

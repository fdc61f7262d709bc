"""Networks of the paper's tables that GluonCV lacks, put together from GluonCV's own parts.

Layers are named as GluonCV names those of its ResNets (``stage1_conv0`` …).
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

import mxnet as mx
from gluoncv.model_zoo.cifarresnet import CIFARBasicBlockV1, CIFARResNetV1, CIFARResNetV2
from gluoncv.model_zoo.resnet import BasicBlockV1, BottleneckV1, BottleneckV2, ResNetV1
from mxnet.gluon import HybridBlock


class _WithoutShortcut:
    """Leaves a basic block of ResNet-v1 its body: two 3×3 convolutions, each normalised, and the ReLUs."""

    body: HybridBlock

    def __init__(self, channels: int, stride: int, downsample: bool = False, **kwargs: Any) -> None:
        super().__init__(channels, stride, downsample=False, **kwargs)  # type: ignore[call-arg]

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """The body alone; with stride 2 it is the first convolution that halves the map."""
        return F.Activation(self.body(x), act_type="relu")


class CIFARPlainBlockV1(_WithoutShortcut, CIFARBasicBlockV1):
    """A basic block of CIFAR ResNet-v1 without its shortcut."""


class PlainBlockV1(_WithoutShortcut, BasicBlockV1):
    """A basic block of ResNet-v1 without its shortcut."""


class CIFARPlainResNetV1(CIFARResNetV1):
    """A plain network for CIFAR (He et al., arXiv 1512.03385, section 4.2)."""


class PlainResNetV1(ResNetV1):
    """A plain network for ImageNet (He et al., arXiv 1512.03385, Table 1 and section 4.1)."""


BASIC_20 = ([3, 3, 3], [16, 16, 32, 64])  # 6n + 2 layers, n = 3
BOTTLENECK_164 = ([18, 18, 18], [16, 64, 128, 256])  # 9n + 2 layers, n = 18
BASIC_18 = ([2, 2, 2, 2], [64, 64, 128, 256, 512])


def cifar_plain20_v1(**kwargs: Any) -> HybridBlock:
    """Plain-20 for CIFAR: ResNet-20 v1 without its shortcuts (arXiv 1512.03385, section 4.2).

    Parameters
    ----------
    classes, norm_layer, norm_kwargs, pretrained, ctx, root : as in GluonCV's ``cifar_resnet20_v1``;
        pretrained weights exist only where a folder of them is given (``gluon-doconv run --weights``)
    """
    return _build("cifar_plain20_v1", CIFARPlainResNetV1, CIFARPlainBlockV1, BASIC_20, **kwargs)


def plain18_v1(**kwargs: Any) -> HybridBlock:
    """Plain-18 for ImageNet: ResNet-18 v1 without its shortcuts (arXiv 1512.03385, Table 1).

    Parameters
    ----------
    classes, thumbnail, last_gamma, norm_layer, norm_kwargs, pretrained, ctx, root : as in GluonCV's
        ``resnet18_v1``
    """
    return _build("plain18_v1", PlainResNetV1, PlainBlockV1, BASIC_18, **kwargs)


def cifar_resnet164_v1(**kwargs: Any) -> HybridBlock:
    """ResNet-164 v1 for CIFAR, of bottlenecks (arXiv 1603.05027, "ResNet-164" with the original unit).

    The bottlenecks are those of GluonCV's ResNet-50 v1: they halve the map in their first convolution.

    Parameters
    ----------
    classes, norm_layer, norm_kwargs, pretrained, ctx, root : as in GluonCV's ``cifar_resnet110_v1``
    """
    return _build("cifar_resnet164_v1", CIFARResNetV1, BottleneckV1, BOTTLENECK_164, **kwargs)


def cifar_resnet164_v2(**kwargs: Any) -> HybridBlock:
    """ResNet-164 v2 for CIFAR, of bottlenecks with full pre-activation (arXiv 1603.05027, section 4).

    Parameters
    ----------
    classes, norm_layer, norm_kwargs, pretrained, ctx, root : as in GluonCV's ``cifar_resnet110_v2``
    """
    return _build("cifar_resnet164_v2", CIFARResNetV2, BottleneckV2, BOTTLENECK_164, **kwargs)


NETWORKS: dict[str, Callable[..., HybridBlock]] = {
    factory.__name__: factory
    for factory in (cifar_plain20_v1, plain18_v1, cifar_resnet164_v1, cifar_resnet164_v2)
}


def _build(
    name: str,
    network: type[HybridBlock],
    block: type[HybridBlock],
    specification: tuple[Sequence[int], Sequence[int]],
    pretrained: bool | str = False,
    ctx: mx.Context | Sequence[mx.Context] = mx.cpu(),  # noqa: B008  (a Context never changes)
    root: str = "~/.mxnet/models",
    **kwargs: Any,
) -> HybridBlock:
    """What GluonCV's own factories do: build, and load what ``pretrained`` asks for."""
    net = network(block, *specification, **kwargs)
    if pretrained:
        from gluoncv.model_zoo import model_store  # looked up late: a folder of weights may stand in for it

        net.load_parameters(model_store.get_model_file(name, tag=pretrained, root=root), ctx=ctx)
    return net

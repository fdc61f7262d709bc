"""MobileNet whose separable convolutions can be trained by kernel composition (section 3 of the paper)."""

from __future__ import annotations

from typing import Any

from gluoncv.model_zoo.mobilenet import MobileNet
from mxnet.gluon import HybridBlock, nn

from ..core.layers import DOConv2D


class SeparableMobileNet(MobileNet):
    """MobileNet v1 with nothing between a depthwise and its pointwise convolution, as Xception has it.

    MobileNet normalises and rectifies between the two, and a ReLU cannot be composed into a kernel. Without it
    the two are one depthwise-separable convolution: here a :class:`~gluon_doconv.DOConv2D` with D_mul = 1,
    which trains as one 3×3 convolution; :func:`~gluon_doconv.separate` makes it two for deployment. D starts
    from He's initialisation, as a depthwise kernel does, and is not decayed (MobileNet's authors advise against
    it, arXiv 1704.04861, section 3.2).

    Parameters
    ----------
    multiplier, classes, norm_layer, norm_kwargs : as in GluonCV's ``MobileNet``
    """

    features: nn.HybridSequential

    def __init__(self, multiplier: float = 1.0, classes: int = 1000, **kwargs: Any) -> None:
        super().__init__(multiplier, classes, **kwargs)
        layers = iter(self.features._children.values())
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            with self.features.name_scope():
                for layer in layers:
                    is_depthwise = isinstance(layer, nn.Conv2D) and layer._kwargs["num_group"] > 1
                    self.features.add(_joined(layer, *_next_three(layers)) if is_depthwise else layer)


def _next_three(layers: Any) -> tuple[HybridBlock, HybridBlock, HybridBlock]:
    return next(layers), next(layers), next(layers)


def _joined(depthwise: nn.Conv2D, _: HybridBlock, __: HybridBlock, pointwise: nn.Conv2D) -> DOConv2D:
    """One separable layer in place of two convolutions and the normalisation and ReLU between them."""
    kwargs = depthwise._kwargs
    return DOConv2D(
        pointwise._channels,
        kwargs["kernel"],
        kwargs["stride"],
        kwargs["pad"],
        use_bias=False,
        in_channels=depthwise._channels,
        d_mul=1,
        d_initializer="he",
        d_wd_mult=0,
        prefix=depthwise.prefix,
    )

"""Which input a network of GluonCV's zoo is made for."""

from __future__ import annotations

import re
from typing import Any

IMAGE_NET = (224, 224)

# Height and width, after frames if any, by the first pattern that finds something in a model's name. GluonCV
# trains and evaluates at these; its networks do not hold them.
SIZES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("^cifar_", (32, 32)),
    ("^(c3d|p3d|r2plus1d)_", (16, 112, 112)),
    ("^i3d_slow_.*_f16", (16, 224, 224)),
    ("^i3d_", (32, 224, 224)),
    ("^(inceptionv3|xception)", (299, 299)),
    ("^nasnet_6_4032", (331, 331)),
    ("^resnest101$", (256, 256)),
    ("^resnest200$", (320, 320)),
    ("^resnest269$", (416, 416)),
    ("^hrnet_.*_s$", (480, 480)),
    ("^center_net_", (512, 512)),
    ("^yolo3_", (416, 416)),
    ("^(simple|mobile|alpha)_pose_", (256, 192)),
    ("^monodepth2_", (192, 640)),
)


def input_shape(model: str, net: Any) -> tuple[int, ...]:
    """Return the shape of one input of a zoo ``model``, (1, 3, H, W), or (1, 3, T, H, W) of videos.

    It is asked of the network where that knows it (segmentation, R-CNN, SlowFast), read in the name (SSD), or
    looked up in :data:`SIZES`; all others are networks for ImageNet.

    Parameters
    ----------
    model : the name it is asked for by
    net : the network that was built
    """
    return (1, 3, *(_asked(net) or _read(model.lower())))


def _asked(net: Any) -> tuple[int, ...] | None:
    if hasattr(net, "crop_size"):
        return (net.crop_size, net.crop_size)
    if hasattr(net, "short"):
        return (_largest(net.short), _largest(net.max_size))
    if hasattr(net, "fast_frames"):
        return (net.fast_frames + net.slow_frames, *IMAGE_NET)
    return None


def _read(model: str) -> tuple[int, ...]:
    ssd = re.match(r"ssd_(\d+)_", model)
    if ssd:
        return (int(ssd[1]), int(ssd[1]))
    return next((size for pattern, size in SIZES if re.search(pattern, model)), IMAGE_NET)


def _largest(size: int | tuple[int, ...]) -> int:
    """Return the largest of the sizes that a detector is trained at."""
    return size if isinstance(size, int) else max(size)

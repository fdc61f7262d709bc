"""GluonCV's networks: built, initialised and given an input, without a download."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Callable, Sequence, Tuple

import gluon_doconv  # noqa: F401  (makes MXNet importable)

import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model, model_zoo
from gluoncv.model_zoo.ssd.vgg_atrous import vgg16_atrous_300
from mxnet.gluon import Block

Shape = Tuple[int, ...]
Outputs = Sequence[np.ndarray]

SEED = 0
PROPOSALS = 20  # regions an R-CNN classifies; the zoo's 300 to 1000 only take longer
CROP = 96  # pixels; segmentation networks are built for one size

PLAIN = {"pretrained_base": False}
# How a network is asked for: the first of these that its factory accepts.
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {**PLAIN, "crop_size": CROP},
    PLAIN,
    {**PLAIN, "classes": ["thing"]},
    {**PLAIN, "nclass": 2},
    {},
    {"pretrained": False},
)

# What training scripts tell these networks besides.
PYRAMID = {
    "min_stage": 2,
    "max_stage": 6,
    "base_size": 16,
    "strides": (4, 8, 16, 32, 64),
    "scales": (2, 4, 8, 16, 32),
    "ratios": (0.5, 1, 2),
    "roi_size": (7, 7),
}
TOLD = {"custom_faster_rcnn_fpn": PYRAMID, "custom_mask_rcnn_fpn": PYRAMID}

# The first pattern that a name matches says which inputs the network takes.
INPUTS: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    ("^cifar_", ((1, 3, 32, 32),)),
    ("^siamrpn_", ((1, 3, 127, 127), (1, 3, 287, 287))),
    ("^(fcn|psp|deeplab|icnet|danet|fastscnn)", ((1, 3, CROP, CROP),)),
    ("^(c3d|p3d|i3d_inceptionv3)", ((1, 3, 16, 112, 112),)),
    ("^(i3d|r2plus1d)", ((1, 3, 16, 64, 64),)),
    ("^slowfast_4x16", ((1, 3, 32 + 4, 64, 64),)),
    ("^slowfast_8x8", ((1, 3, 32 + 8, 64, 64),)),
    ("^slowfast_16x8", ((1, 3, 64 + 16, 64, 64),)),
    ("^(densenet|squeezenet|googlenet|inceptionv1|residualattentionnet)", ((1, 3, 224, 224),)),
    ("^inceptionv3", ((1, 3, 299, 299),)),
    ("^ssd_|^vgg16_atrous$", ((1, 3, 300, 300),)),
    ("rcnn|^yolo3|^center_net", ((1, 3, 128, 128),)),
    ("", ((1, 3, 64, 64),)),
)

# Random detectors of few classes take everything for background where activations are large: a faint input.
FAINT, FAINTNESS = re.compile("^faster_rcnn_resnet.*_custom"), 1e-5


def family(name: str) -> str:
    """Return the part of GluonCV's zoo that this network is from."""
    return ".".join(model_zoo._models[name].__module__.split(".")[2:4])


def inputs(name: str) -> list[mx.nd.NDArray]:
    """Draw a small input that this network takes; always the same."""
    mx.random.seed(SEED)
    shapes = next(shapes for pattern, shapes in INPUTS if re.search(pattern, name))
    scale = FAINTNESS if FAINT.search(name) else 1
    return [mx.nd.random.normal(0, scale, shape=shape) for shape in shapes]


def build(name: str) -> Block:
    """Build a network of the zoo, named as the first one that is built in a process."""
    errors = []
    for arguments in ARGUMENTS:
        try:
            with mx.name.NameManager():
                net = _factory(name)(**arguments, **TOLD.get(name, {}))
            break
        except Exception as error:
            errors.append(error)
    else:
        raise next((error for error in errors if not isinstance(error, TypeError)), errors[0])
    if hasattr(net, "_rpn_test_post_nms"):
        net._rpn_test_post_nms = net.rpn._test_post_nms = net._rcnn_max_dets = PROPOSALS
    return net


def _factory(name: str) -> Callable[..., Block]:
    """What builds a network: the registry, but for a base that has pretrained parameters and is not in it."""
    return vgg16_atrous_300 if name == "vgg16_atrous" else partial(get_model, name)


def initialize(net: Block) -> Block:
    """Give values to every parameter that the zoo gave none."""
    mx.random.seed(SEED)
    for parameter in net.collect_params().values():
        if parameter._data is None:
            parameter.initialize(default_init=_start_of(parameter.name))
    return net


def _start_of(parameter: str) -> mx.init.Initializer:
    """He's initialisation, without which deep networks compute next to nothing, and identical normalisation."""
    if parameter.endswith("weight"):
        return mx.init.Xavier("gaussian", "in", 2)
    return mx.init.One() if parameter.endswith(("gamma", "var", "scale")) else mx.init.Zero()


def predict(net: Block, x: Sequence[mx.nd.NDArray]) -> Outputs:
    """Return all outputs of a network, flat; dropout and the like draw the same numbers every time."""
    mx.random.seed(SEED)
    return [array.asnumpy() for array in flat(net(*x))]


def same(some: Outputs, others: Outputs) -> bool:
    """Whether outputs are equal to the last bit."""
    return [(a.shape, a.dtype, a.tobytes()) for a in some] == [(b.shape, b.dtype, b.tobytes()) for b in others]


def flat(outputs: Any) -> list[Any]:
    """List what is in lists, tuples and dictionaries within one another."""
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return [one for part in outputs for one in flat(part)] if isinstance(outputs, (list, tuple)) else [outputs]

"""What DO-Conv has to agree with: float64 NumPy, straight from its definition, and MXNet's own graphs.

Every function on arrays takes a ``Case`` (see cases.py) and the arrays of a layer by their names: x, weight, D
and, where the layer has one, bias.
"""

import ast
import json
import re
from math import prod

from gluon_doconv.core import kernel

import mxnet as mx
import numpy as np
from mxnet.gluon.block import _flatten
from numpy.lib.stride_tricks import sliding_window_view

# name -> function of the convolution's output, and its derivative as a function of both
ACTIVATIONS = {
    None: (lambda a: a, lambda a, y: np.ones_like(a)),
    "relu": (lambda a: np.maximum(a, 0), lambda a, y: (a > 0).astype(a.dtype)),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda a, y: y * (1 - y)),
    "tanh": (np.tanh, lambda a, y: 1 - y**2),
}


def patches(x, case):
    """What each output position sees: (batch, C_in, *output, *kernel), a view of the padded ``x``."""
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in case.padding)])
    extent = tuple(d * (k - 1) + 1 for k, d in zip(case.kernel_size, case.dilation))
    windows = sliding_window_view(padded, extent, axis=tuple(range(2, x.ndim)))
    return windows[tuple(slice(None, None, step) for step in (1, 1, *case.strides, *case.dilation))]


def grouped_patches(x, case):
    """:func:`patches` as (batch, groups, C_in/groups, P, M·N); P counts the output positions."""
    seen = patches(x, case)
    return seen.reshape(len(x), case.groups, case.in_per_group, -1, case.patch)


def convolve(x, folded, case):
    """The plain convolution with the kernel ``folded``, (C_out, C_in/groups, M, N)."""
    output = patches(x, case).shape[2 : x.ndim]
    grouped = folded.reshape(case.groups, case.out_per_group, case.in_per_group, case.patch)
    y = np.einsum("bgipm,goim->bgop", grouped_patches(x, case), grouped)
    return y.reshape(len(x), case.channels, *output)


def preactivation(arrays, case):
    y = convolve(arrays["x"], kernel.compose(arrays["weight"], arrays["D"], case.kernel_size), case)
    return y + arrays["bias"].reshape(-1, *(1 for _ in case.kernel_size)) if case.use_bias else y


def forward(arrays, case):
    return ACTIVATIONS[case.activation][0](preactivation(arrays, case))


def gradients(arrays, head, case):
    """Gradients of sum(head · forward) with respect to every array, by the adjoint of each step."""
    x, weight, d = arrays["x"], arrays["weight"], arrays["D"]
    a = preactivation(arrays, case)
    activate, derivative = ACTIVATIONS[case.activation]
    a_bar = head * derivative(a, activate(a))

    by_group = (case.groups, case.out_per_group, case.in_per_group)
    g = a_bar.reshape(len(x), case.groups, case.out_per_group, -1)
    kernel_bar = np.einsum("bgop,bgipm->goim", g, grouped_patches(x, case))

    identity = kernel.identity(case.patch, case.columns)[:, :, None]
    grouped = (case.patch, case.columns, case.groups, case.in_per_group)
    total = (d.reshape(*grouped[:2], -1) + identity).reshape(grouped)
    w = weight.reshape(*by_group, case.columns)
    composed = np.einsum("msgi,gois->goim", total, w)
    result = {
        "x": scatter(np.einsum("bgop,goim->bgipm", g, composed), x, case),
        "weight": np.einsum("msgi,goim->gois", total, kernel_bar).reshape(weight.shape),
        "D": np.einsum("gois,goim->msgi", w, kernel_bar).reshape(d.shape),
    }
    if case.use_bias:
        result["bias"] = a_bar.sum(axis=(0, *range(2, a_bar.ndim)))
    return result


def scatter(patches_bar, x, case):
    """The adjoint of :func:`patches`: what every element of ``x`` gets from the places that saw it."""
    places = np.arange(1, x.size + 1).reshape(x.shape)  # 0 is the padding
    seen = grouped_patches(places, case)
    return np.bincount(seen.ravel(), patches_bar.ravel(), minlength=x.size + 1)[1:].reshape(x.shape)


def convolutions_of(net):
    """The convolutions of a plain network and their kernel sizes, read in the graph that MXNet traces of it.

    They are named, and ordered, as their weights are in a parameter file; those that share a weight count once.
    """
    outputs, _ = _flatten(net(mx.sym.var("data")), "output")
    nodes = json.loads(mx.sym.Group(outputs).tojson())["nodes"]
    kernels = {
        nodes[node["inputs"][1][0]]["name"]: ast.literal_eval(node["attrs"]["kernel"])
        for node in nodes
        if node["op"] == "Convolution"
    }
    return {
        re.sub("[._]weight$", "", name): kernels[parameter.name]
        for name, parameter in net._collect_params_with_prefix().items()
        if parameter.name in kernels
    }


def spatial_convolutions_of(net):
    """The names of those whose kernel has more than one position: the ones that DO-Conv is for."""
    return [name for name, kernel_size in convolutions_of(net).items() if prod(kernel_size) > 1]

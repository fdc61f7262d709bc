"""Generated configurations of a layer, and the ways Gluon has of running one."""

from dataclasses import dataclass, replace
from math import prod
from typing import Optional, Tuple

import gluon_doconv as doconv

import mxnet as mx
import numpy as np
from hypothesis import strategies as st
from mxnet.gluon import SymbolBlock, nn

PLAIN = {1: nn.Conv1D, 2: nn.Conv2D, 3: nn.Conv3D}
DOCONV = {1: doconv.DOConv1D, 2: doconv.DOConv2D, 3: doconv.DOConv3D}
INSIDE_A_NETWORK = ("outer", "symbol")
WAYS = ("imperative", "hybridized", "static", *INSIDE_A_NETWORK)


@dataclass(frozen=True)
class Case:
    kernel_size: Tuple[int, ...]
    strides: Tuple[int, ...]
    padding: Tuple[int, ...]
    dilation: Tuple[int, ...]
    spatial: Tuple[int, ...]
    groups: int
    in_per_group: int
    out_per_group: int
    batch: int
    use_bias: bool
    activation: Optional[str]
    d_mul: Optional[int]
    composition: str
    deferred: bool
    way: str
    seed: int

    @property
    def patch(self):
        return prod(self.kernel_size)

    @property
    def columns(self):
        """D_mul, spelt out."""
        return self.d_mul or self.patch

    @property
    def channels(self):
        return self.groups * self.out_per_group

    @property
    def in_channels(self):
        return self.groups * self.in_per_group

    @property
    def d_shape(self):
        head = (self.patch,) if self.columns == self.patch else (1, *self.kernel_size)
        return (*head, self.columns, self.in_channels)

    def arrays(self, dtype="float64"):
        """Random values for x, weight, D and bias; D well away from the identity."""
        random = np.random.default_rng(self.seed)
        tail = self.kernel_size if self.columns == self.patch else (self.columns,)
        shapes = {
            "x": (self.batch, self.in_channels, *self.spatial),
            "weight": (self.channels, self.in_per_group, *tail),
            "D": self.d_shape,
        }
        if self.use_bias:
            shapes["bias"] = (self.channels,)
        return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}

    def plain(self, **kwargs):
        """The plain layer."""
        return self._layer(PLAIN, **kwargs)

    def layer(self, **kwargs):
        """The DO-Conv layer, in float64, with no values yet."""
        layer = self._layer(DOCONV, d_mul=self.d_mul, composition=self.composition, **kwargs)
        layer.cast("float64")
        return layer

    def _layer(self, classes, **kwargs):
        return classes[len(self.kernel_size)](
            self.channels,
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation,
            self.groups,
            activation=self.activation,
            use_bias=self.use_bias,
            in_channels=0 if self.deferred else self.in_channels,
            **kwargs,
        )


@st.composite
def cases(draw, **fixed):
    """Any Case; ``fixed`` fields have the value given."""
    axes = draw(st.integers(1, 3))
    size = st.integers(1, {1: 6, 2: 4, 3: 3}[axes])
    kernel_size = draw(st.tuples(*[size] * axes).filter(lambda shape: prod(shape) > 1))
    patch = prod(kernel_size)
    strides, padding, dilation = (
        draw(st.tuples(*[st.integers(low, high)] * axes)) for low, high in ((1, 3), (0, 2), (1, 3))
    )
    fewest = (max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel_size, dilation, padding))
    case = Case(
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        dilation=dilation,
        spatial=tuple(n + draw(st.integers(0, 3)) for n in fewest),
        groups=draw(st.integers(1, 3)),
        in_per_group=draw(st.integers(1, 3)),
        out_per_group=draw(st.integers(1, 3)),
        batch=draw(st.integers(1, 2)),
        use_bias=draw(st.booleans()),
        activation=draw(st.sampled_from((None, "relu", "sigmoid", "tanh"))),
        d_mul=draw(
            st.one_of(
                st.none(), st.just(2 * patch), st.integers(patch + 1, 3 * patch), st.integers(1, patch - 1)
            )
        ),
        composition=draw(st.sampled_from(("kernel", "feature", "auto"))),
        deferred=draw(st.booleans()),
        way=draw(st.sampled_from(WAYS)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )
    case = replace(case, **fixed)
    if case.composition == "feature" and case.way in INSIDE_A_NETWORK:
        return replace(case, deferred=False)  # this one is refused: see test_layer_errors.py
    return case


def running(layer, way):
    """``layer`` itself or a network around it, run in one of the WAYS."""
    if way == "symbol":
        data = mx.sym.var("data", dtype=layer.weight.dtype)
        return SymbolBlock(layer(data), data, params=layer.collect_params())
    net = layer
    if way == "outer":
        net = nn.HybridSequential(prefix="")
        net.add(nn.HybridLambda(lambda F, x: F.identity(x)), layer)
    if way == "static":
        net.hybridize(static_alloc=True, static_shape=True)
    else:
        net.hybridize(way != "imperative")
    return net


def set_values(layer, arrays):
    """Give the parameters of ``layer``, whose shapes are known, the values of ``arrays``."""
    for name, value in arrays.items():
        if name != "x":
            getattr(layer, name).set_data(mx.nd.array(value, dtype=value.dtype))


def array(value):
    """An NDArray that keeps the dtype of ``value``."""
    return mx.nd.array(value, dtype=value.dtype)


def assert_same_bits(actual, desired):
    actual, desired = (a.asnumpy() if isinstance(a, mx.nd.NDArray) else a for a in (actual, desired))
    assert actual.dtype == desired.dtype
    integer = f"u{actual.dtype.itemsize}"
    np.testing.assert_array_equal(actual.view(integer), desired.view(integer))

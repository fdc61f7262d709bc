"""``DOConv1D``, ``DOConv2D`` and ``DOConv3D``: drop-ins for ``nn.Conv1D``, ``nn.Conv2D`` and ``nn.Conv3D``.

A DO-Conv layer *is* a plain layer with one Parameter more. :func:`over_parameterize_layer` turns a plain
instance into a DO-Conv one in place and :func:`fold_layer` turns it back: the same object, the same
``weight`` Parameter, the same names, so that nothing that refers to the layer goes stale.
"""

from __future__ import annotations

import inspect
from math import prod
from typing import Any

import mxnet as mx
from mxnet.gluon import HybridBlock, nn
from mxnet.gluon.parameter import Parameter
from mxnet.util import is_np_array

from ..errors import DOConvError
from . import operators
from .composition import choose_composition
from .config import DOConvConfig
from .kernel import Geometry
from .parameters import create_d, fit_weight, fold_parameters, refuse_small_d_mul, remove_d, resize

LAYOUTS = ("NCW", "NCHW", "NCDHW")


class _DOConv(HybridBlock):
    """What a DO-Conv layer does beyond the plain layer it is mixed into."""

    D: Parameter | None = None
    _d_mul: int
    _composition: str
    _input_shape: tuple[int, ...] | None = None

    def __init__(
        self,
        channels: int,
        kernel_size: Any,
        *args: Any,
        d_mul: int | None = None,
        d_initializer: str = "identity",
        composition: str = "kernel",
        d_wd_mult: float = 1.0,
        **kwargs: Any,
    ) -> None:
        config = DOConvConfig(
            d_mul=d_mul, d_initializer=d_initializer, composition=composition, d_wd_mult=d_wd_mult
        )
        _refuse_np_semantics(type(self).__name__)
        plain_init = super().__init__
        given = inspect.signature(plain_init).bind(channels, kernel_size, *args, **kwargs)
        _refuse_indivisible(type(self).__name__, **given.arguments)
        plain_init(channels, kernel_size, *args, **kwargs)
        _refuse_layout(self)
        if is_spatial(self):
            _attach(self, config)

    def forward(self, x: Any, *args: Any) -> Any:
        if isinstance(x, mx.nd.NDArray) and self.D is not None:
            self._input_shape = x.shape
            _set_in_channels(self, x.shape[1])
        return super().forward(x, *args)

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None, D: Any = None) -> Any:
        _refuse_np_semantics(self.name)
        if D is None:  # pointwise: there is no spatial patch to over-parameterize (section 4)
            return super().hybrid_forward(F, x, weight, bias)
        if choose_composition(self, x, _geometry(self)) == "feature":
            return _feature_composition(self, F, x, weight, bias, D)
        return super().hybrid_forward(F, x, _composed(self, F, x, weight, D), bias)

    def __repr__(self) -> str:
        text = super().__repr__()
        return text if self.D is None else f"{text[:-1]}, d_mul={self._d_mul})"


class DOConv1D(_DOConv, nn.Conv1D):
    """Convolve over one spatial axis; otherwise as :class:`DOConv2D`."""


class DOConv2D(_DOConv, nn.Conv2D):
    """Convolve with an over-parameterized kernel: a drop-in for ``nn.Conv2D``.

    The kernel is W' of shape (C_out, C_in/groups, M, N), W'[o, i, m] = Σ_s (D + I)[m, s, c] · W[o, i, s]
    (equations 3 and 4). ``groups=1`` is DO-Conv, ``groups=in_channels`` DO-DConv, anything between DO-GConv.
    A 1×1 kernel has no spatial patch: the layer then is the plain one and has no D.

    Parameters
    ----------
    channels, kernel_size, *args, **kwargs
        As in ``nn.Conv2D``, in its order. Channels-last layouts are refused.
    d_mul, d_initializer, composition, d_wd_mult
        As for :func:`~gluon_doconv.over_parameterize`; ``d_mul`` < M·N is depthwise-separable convolution.
        ``composition='feature'`` has to know C_in when it is traced: give ``in_channels``, or run the layer
        once before an outer network is hybridized. ``'auto'`` is ``'kernel'`` where sizes are not known.

    Attributes
    ----------
    weight : Parameter
        (C_out, C_in/groups, M, N), or (C_out, C_in/groups, D_mul) where D_mul ≠ M·N.
    bias : Parameter or None
        (C_out,)
    D : Parameter
        (M·N, D_mul, C_in), the paper's D' = D − I; zero at the start, so that weight decay pulls D to the
        identity. float32 or float64; in half precision the kernel is composed in float32.

    Raises
    ------
    DOConvError
        For options out of range, groups that do not divide the channels, channels-last layouts, and under
        NumPy semantics (``mx.npx.set_np``).

    Examples
    --------
    >>> layer = doconv.DOConv2D(8, 3, padding=1, in_channels=4)
    >>> layer.initialize()
    >>> layer.weight.shape, layer.D.shape
    ((8, 4, 3, 3), (9, 9, 4))
    """


class DOConv3D(_DOConv, nn.Conv3D):
    """Convolve over three spatial axes; otherwise as :class:`DOConv2D`."""


DOCONV_OF = {nn.Conv1D: DOConv1D, nn.Conv2D: DOConv2D, nn.Conv3D: DOConv3D}
PLAIN_OF = {doconv: plain for plain, doconv in DOCONV_OF.items()}


def is_spatial(layer: HybridBlock) -> bool:
    """Whether the kernel of ``layer`` has more than one position, so that DO-Conv applies to it."""
    kernel_size: tuple[int, ...] = layer._kwargs["kernel"]
    return prod(kernel_size) > 1


def over_parameterize_layer(layer: HybridBlock, config: DOConvConfig) -> None:
    """Turn a plain convolution into a DO-Conv layer, in place. Graphs traced before are not renewed here.

    Its ``weight`` and ``bias`` stay the objects they are; a trained kernel goes on computing what it
    computed (for ``d_initializer='identity'``). D joins the Trainer of ``weight`` if there is one.

    Raises
    ------
    DOConvError
        If the layer cannot be over-parameterized; it is then as it was.
    """
    check_convertible(layer, config)
    layer.__class__ = DOCONV_OF[type(layer)]
    _attach(layer, config)


def check_convertible(layer: HybridBlock, config: DOConvConfig) -> None:
    """Raise what :func:`over_parameterize_layer` would raise, and change nothing."""
    _refuse_np_semantics(layer.name)
    _refuse_layout(layer)
    refuse_small_d_mul(layer.weight, layer._kwargs["kernel"], config)


def folded_kernel(layer: HybridBlock) -> mx.nd.NDArray | None:
    """The plain kernel W' of a DO-Conv layer, (C_out, C_in/groups, M, N), in the dtype of ``weight``.

    None where the layer has no values yet and would start as the plain layer does.

    Raises
    ------
    DOConvError
        If W or D is not finite, or if they have no values yet and folding would change their start.
    """
    return fold_parameters(layer.weight, layer.D, layer._kwargs["kernel"])


def fold_layer(layer: HybridBlock, folded: mx.nd.NDArray | None) -> None:
    """Turn a DO-Conv layer back into the plain one, with ``folded`` (from :func:`folded_kernel`) as kernel."""
    remove_d(layer.params, layer.D, layer.weight, folded)
    layer._reg_params.pop("D")
    for attribute in ("D", "_d_mul", "_composition", "_input_shape"):
        layer.__dict__.pop(attribute, None)
    layer.__class__ = PLAIN_OF[type(layer)]


def _attach(layer: HybridBlock, config: DOConvConfig) -> None:
    """Give ``layer``, already of a DO-Conv class, its D."""
    layer._d_mul = int(config.d_mul or prod(layer._kwargs["kernel"]))
    layer._composition = config.composition
    fit_weight(layer.weight, _geometry(layer))
    layer.D = create_d(layer.params, "D", layer.weight, _geometry(layer), config)


def _geometry(layer: HybridBlock) -> Geometry:
    kwargs = layer._kwargs
    return Geometry(kwargs["num_filter"], tuple(kwargs["kernel"]), kwargs["num_group"], layer._d_mul)


def _composed(layer: HybridBlock, F: Any, x: Any, weight: Any, d: Any) -> Any:
    """W' of ``layer``; ``x`` is looked at where only the data knows C_in."""
    if 0 in layer.D.shape:
        return operators.compose_inferring(layer.weight.dtype, F, x, weight, d, _geometry(layer))
    return operators.compose_as(layer.weight.dtype, F, weight, d, _geometry(layer))


def _feature_composition(layer: HybridBlock, F: Any, x: Any, weight: Any, bias: Any, d: Any) -> Any:
    if 0 in layer.D.shape:
        raise DOConvError(
            f"{layer.name}: composition='feature' has to know C_in when the graph is traced: give in_channels, "
            "or run the network once before it is hybridized"
        )
    y = operators.feature_composition(
        F,
        x,
        weight,
        d,
        bias,
        _geometry(layer),
        in_channels=layer.D.shape[2],
        **{key: layer._kwargs[key] for key in ("stride", "dilate", "pad", "layout")},
    )
    return y if layer.act is None else layer.act(y)


def _set_in_channels(layer: HybridBlock, in_channels: int) -> None:
    """Once data has come, C_in is known and need not be inferred from a graph."""
    if 0 in layer.D.shape:
        groups = layer._kwargs["num_group"]
        if in_channels % groups:
            raise DOConvError(
                f"{layer.name}: groups={groups} does not divide the input's {in_channels} channels"
            )
        channels, _, *tail = layer.weight.shape
        resize(layer.weight, (channels, in_channels // groups, *tail))
        resize(layer.D, (*layer.D.shape[:2], in_channels))


def _refuse_np_semantics(name: str) -> None:
    if is_np_array():
        raise DOConvError(
            f"{name}: DO-Conv works on mx.nd arrays, and NumPy semantics are on. GluonCV needs them off: "
            "call mx.npx.reset_np(), or drop the mx.npx.set_np() that turned them on."
        )


def _refuse_layout(layer: HybridBlock) -> None:
    kwargs = layer._kwargs
    if kwargs["layout"] not in LAYOUTS:
        raise DOConvError(
            f"{layer.name}: layout={kwargs['layout']!r} is not supported, only {', '.join(LAYOUTS)}. Build the "
            "network channels-first, or exclude this layer."
        )


def _refuse_indivisible(name: str, channels: int, groups: int = 1, in_channels: int = 0, **_: Any) -> None:
    if channels % groups or in_channels % groups:
        raise DOConvError(
            f"{name}: groups={groups} has to divide channels={channels} and in_channels={in_channels}"
        )

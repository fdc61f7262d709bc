"""``DOConv1D``, ``DOConv2D`` and ``DOConv3D``: drop-ins for ``nn.Conv1D``, ``nn.Conv2D`` and ``nn.Conv3D``.

A DO-Conv layer *is* a plain layer with one Parameter more and a forward of its own. In place,
:func:`over_parameterize_layer` turns a plain instance into one and :func:`fold_layer` turns it back: the same
object of the same class, the same ``weight`` Parameter, the same names, so that no reference to it goes stale.
"""

from __future__ import annotations

import inspect
from math import prod
from typing import Any

import mxnet as mx
from mxnet.gluon import HybridBlock, nn
from mxnet.gluon.parameter import Parameter

from ..errors import DOConvError
from .composing import Composing, composing_of
from .config import DOConvConfig
from .parameters import create_d, fit_weight, fold_parameters, list_after, refuse_small_d_mul, remove_d
from .selecting import select_with_weight

LAYOUTS = ("NCW", "NCHW", "NCDHW")


class _DOConv(HybridBlock):
    """What a DO-Conv layer that is written by hand does beyond the plain layer it is mixed into."""

    D: Parameter | None = None

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
        plain_init = super().__init__
        given = inspect.signature(plain_init).bind(channels, kernel_size, *args, **kwargs)
        _refuse_indivisible(type(self).__name__, **given.arguments)
        plain_init(channels, kernel_size, *args, **kwargs)
        _refuse_layout(self)
        if is_spatial(self):  # a pointwise kernel has no spatial patch to over-parameterize (section 4)
            _attach(self, config)

    def __repr__(self) -> str:
        composing, text = composing_of(self), super().__repr__()
        return text if composing is None else f"{text[:-1]}, d_mul={composing.d_mul})"


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
        (M·N, D_mul, C_in), or (1, M, N, D_mul, C_in) where D_mul ≠ M·N, as then the weight does not tell M and
        N. It is the paper's D' = D − I; zero at the start, so that weight decay pulls D to the identity.
        float32 or float64; in half precision the kernel is composed in float32.

    Raises
    ------
    DOConvError
        For options out of range, groups that do not divide the channels, and channels-last layouts.

    Examples
    --------
    >>> layer = doconv.DOConv2D(8, 3, padding=1, in_channels=4)
    >>> layer.initialize()
    >>> layer.weight.shape, layer.D.shape
    ((8, 4, 3, 3), (9, 9, 4))
    """


class DOConv3D(_DOConv, nn.Conv3D):
    """Convolve over three spatial axes; otherwise as :class:`DOConv2D`."""


PLAIN_OF = {DOConv1D: nn.Conv1D, DOConv2D: nn.Conv2D, DOConv3D: nn.Conv3D}
CONVERTIBLE = (*PLAIN_OF, *PLAIN_OF.values())


def plain_class(layer: HybridBlock) -> type[HybridBlock]:
    """The class that ``layer`` has once it is folded."""
    plain: type[HybridBlock] = PLAIN_OF.get(type(layer), type(layer))
    return plain


def is_spatial(layer: HybridBlock) -> bool:
    """Whether the kernel of ``layer`` has more than one position, so that DO-Conv applies to it."""
    kernel_size: tuple[int, ...] = layer._kwargs["kernel"]
    return prod(kernel_size) > 1


def obstacle(layer: HybridBlock) -> str | None:
    """Why DO-Conv does not apply to ``layer``; None if it does."""
    if layer._op_name.lower() != "convolution":  # under NumPy semantics without the capital
        return "transposed"
    replaced = {"forward", "hybrid_forward", "__call__"} & vars(layer).keys() and composing_of(layer) is None
    if type(layer) not in CONVERTIBLE or replaced:
        return f"{type(layer).__name__} has a forward of its own"
    return None if is_spatial(layer) else "pointwise"


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
    _attach(layer, config)


def check_convertible(layer: HybridBlock, config: DOConvConfig) -> None:
    """Raise what :func:`over_parameterize_layer` would raise, and change nothing."""
    _refuse_layout(layer)
    refuse_small_d_mul(layer.weight, layer._kwargs["kernel"], config)


def folded_kernel(layer: HybridBlock) -> mx.nd.NDArray | None:
    """Compute the plain kernel W' of a DO-Conv layer, (C_out, C_in/groups, M, N), in the dtype of ``weight``.

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
    for attribute in ("D", "forward", "hybrid_forward"):
        del layer.__dict__[attribute]
    select_with_weight(layer)
    layer.__class__ = plain_class(layer)


def _attach(layer: HybridBlock, config: DOConvConfig) -> None:
    """Give ``layer`` its D, and the forward that composes its kernel of the two."""
    composing = Composing(layer, int(config.d_mul or prod(layer._kwargs["kernel"])), config.composition)
    fit_weight(layer.weight, composing.geometry)
    layer.D = create_d(layer.params, layer.weight, composing.geometry, config)
    list_after(layer._reg_params, "weight", "D", layer.D)
    layer.forward, layer.hybrid_forward = composing.forward, composing
    select_with_weight(layer)


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

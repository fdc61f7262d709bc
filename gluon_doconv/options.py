"""How a convolution is to be over-parameterized, checked once and passed along whole."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import mxnet as mx

from . import kernel
from .errors import DOConvError

COMPOSITIONS = ("kernel", "feature", "auto")


@mx.init.register
class DepthwiseHe(mx.init.Initializer):
    """He initialisation of D (Table 7): D ~ N(0, 2/(M·N)); a channel's patch is the fan-in.

    Fills the stored D' = D − I, of shape (M·N, D_mul, C_in).
    """

    def _init_weight(self, _: str, d: mx.nd.NDArray) -> None:
        patch, d_mul = d.shape[:2]
        identity = mx.nd.array(kernel.identity(patch, d_mul), dtype=d.dtype, ctx=d.context)
        noise = mx.nd.random.normal(0, (2 / patch) ** 0.5, shape=d.shape, dtype="float32", ctx=d.context)
        d[:] = noise.astype(d.dtype) - identity.expand_dims(2)


D_INITIALIZERS = {"identity": mx.init.Zero(), "he": DepthwiseHe()}


@dataclass(frozen=True)
class Options:
    """How a convolution is over-parameterized.

    Parameters
    ----------
    d_mul : depth multiplier; None means M·N, the paper's choice
    d_initializer : ``'identity'`` (the network computes what it computed before) or ``'he'`` (Table 7)
    composition : ``'kernel'``, ``'feature'``, or ``'auto'``: the one of fewer MACCs for the input's size
    d_wd_mult : weight-decay multiplier of D. Decay pulls the stored D' = D − I to zero, hence D to the
        identity; 0 leaves D undecayed

    Raises
    ------
    DOConvError
        For a value none of these lists.
    """

    d_mul: int | None = None
    d_initializer: str = "identity"
    composition: str = "kernel"
    d_wd_mult: float = 1.0

    def __post_init__(self) -> None:
        if self.d_mul is not None and not (isinstance(self.d_mul, Integral) and self.d_mul >= 1):
            raise DOConvError(f"d_mul={self.d_mul!r}: the depth multiplier is a whole number of at least 1")
        if self.d_initializer not in D_INITIALIZERS:
            raise DOConvError(f"d_initializer={self.d_initializer!r}: choose from {sorted(D_INITIALIZERS)}")
        if self.composition not in COMPOSITIONS:
            raise DOConvError(f"composition={self.composition!r}: choose from {list(COMPOSITIONS)}")

    @property
    def d_init(self) -> mx.init.Initializer:
        """The initializer of D, which wins over the network-wide one."""
        return D_INITIALIZERS[self.d_initializer]

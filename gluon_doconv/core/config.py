"""How a convolution is to be over-parameterized, checked once and passed along whole."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from ..errors import DOConvError

D_INITIALIZERS = ("identity", "he")
COMPOSITIONS = ("kernel", "feature", "auto")


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
            raise DOConvError(f"d_initializer={self.d_initializer!r}: choose from {list(D_INITIALIZERS)}")
        if self.composition not in COMPOSITIONS:
            raise DOConvError(f"composition={self.composition!r}: choose from {list(COMPOSITIONS)}")

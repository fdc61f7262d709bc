"""DO-Conv on NumPy arrays: composition, and the identity it starts from.

The symbols are those of the paper (Cao et al., arXiv 2006.12030):

========  ===================================  ====================================================
symbol    shape                                meaning
========  ===================================  ====================================================
M, N      ..                                   kernel height and width (any number of spatial axes)
D_mul     ..                                   depth multiplier
W         (C_out, C_in/groups, D_mul)          trained; (C_out, C_in/groups, M, N) if D_mul = M·N
D'        (M·N, D_mul, C_in)                   trained; (1, M, N, D_mul, C_in) if D_mul ≠ M·N, as then W
                                               does not tell M and N. What is stored is D' = D − I
W'        (C_out, C_in/groups, M, N)           the plain kernel that W and D fold into
========  ===================================  ====================================================

This module knows no deep-learning framework: it is the oracle the layers are tested against.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Geometry:
    """What composition needs to know of a convolution. C_in is read from the arrays."""

    channels: int
    kernel_size: tuple[int, ...]
    groups: int
    d_mul: int

    @classmethod
    def of(cls, weight: Sequence[int], d: Sequence[int], kernel_size: Sequence[int]) -> Geometry:
        """The geometry of arrays, from the shapes of ``weight`` and ``d``."""
        return cls(weight[0], tuple(kernel_size), groups=d[-1] // weight[1], d_mul=d[-2])

    @property
    def kernel_area(self) -> int:
        """M·N, the number of positions in the spatial patch."""
        return prod(self.kernel_size)

    @property
    def weight_tail(self) -> tuple[int, ...]:
        """The shape of ``weight`` after its two channel axes."""
        return self.kernel_size if self.d_mul == self.kernel_area else (self.d_mul,)

    def d_shape(self, in_channels: int) -> tuple[int, ...]:
        """The shape of D, which tells M and N where that of ``weight`` does not.

        The 1 tells it from a D of former files, in which M·N was one axis whatever D_mul was.
        """
        head = (self.kernel_area,) if self.d_mul == self.kernel_area else (1, *self.kernel_size)
        return (*head, self.d_mul, in_channels)


def kind(groups: int, in_channels: int) -> str:
    """DO-Conv, DO-DConv or DO-GConv (section 3), by the number of groups."""
    if groups == 1:
        return "DO-Conv"
    return "DO-DConv" if groups == in_channels else "DO-GConv"


def identity(kernel_area: int, d_mul: int, dtype: npt.DTypeLike = np.float64) -> Array:
    """The identity I of shape (M·N, D_mul) that D starts from (section 4, "The choice of D_mul").

    For D_mul > M·N the (M·N, M·N) identity is repeated as often as it fits and the rest is zero
    (section 4.5). For D_mul < M·N, a depthwise-separable convolution, its first D_mul columns are kept.
    """
    repeats = max(1, d_mul // kernel_area)
    parts = [np.eye(kernel_area, d_mul, k=i * kernel_area, dtype=dtype) for i in range(repeats)]
    total: Array = np.sum(parts, axis=0)
    return total


def compose(weight: Array, d: Array, kernel_size: Sequence[int]) -> Array:
    """Fold W and the stored D' into the plain kernel W' (equations 3 and 4, kernel composition).

    W'[o, i, m] = Σ_s (D' + I)[m, s, c] · W[o, i, s], where c is the input channel that output channel
    o reads at position i of its group.

    Parameters
    ----------
    weight : (C_out, C_in/groups, D_mul), or (C_out, C_in/groups, M, N) where D_mul = M·N
    d : (M·N, D_mul, C_in), or (1, M, N, D_mul, C_in)
    kernel_size : (M, N), or as many numbers as the convolution has spatial axes

    Returns
    -------
    (C_out, C_in/groups, M, N), in the dtype NumPy promotes the two inputs to
    """
    total = _total(d)
    kernel_area, d_mul, in_channels = total.shape
    out_channels, group_in_channels = weight.shape[:2]
    groups = in_channels // group_in_channels
    grouped_w = weight.reshape(groups, out_channels // groups, group_in_channels, d_mul)
    grouped_d = total.reshape(kernel_area, d_mul, groups, group_in_channels)
    folded: Array = np.einsum("msgi,gois->goim", grouped_d, grouped_w)
    return folded.reshape(out_channels, group_in_channels, *kernel_size)


def expand(kernel: Array, d_mul: int) -> Array:
    """A W of shape (C_out, C_in/groups, D_mul) that composes, with D' = 0, to exactly ``kernel``.

    This is how a plain kernel starts DO-Conv training when D_mul > M·N. The kernel fills the first
    M·N columns; columns that repeat the identity are zero, so that they add nothing; columns where I
    is zero repeat the kernel: they add nothing either, and D' can learn to use them.

    Raises
    ------
    ValueError
        If D_mul < M·N: such a W cannot express every plain kernel (section 3).
    """
    out_channels, group_in_channels = kernel.shape[:2]
    kernel_area = prod(kernel.shape[2:])
    if d_mul < kernel_area:
        raise ValueError(f"d_mul={d_mul} is below M·N={kernel_area}: it cannot hold a plain kernel exactly")
    flat = kernel.reshape(out_channels, group_in_channels, kernel_area)
    if d_mul == kernel_area:
        return flat
    weight = np.zeros((out_channels, group_in_channels, d_mul), kernel.dtype)
    weight[..., :kernel_area] = flat
    unused_by_identity = d_mul // kernel_area * kernel_area
    weight[..., unused_by_identity:] = flat[..., : d_mul - unused_by_identity]
    return weight


def separate(weight: Array, d: Array, kernel_size: Sequence[int]) -> tuple[Array, Array]:
    """The two kernels of feature composition (equation 3, Fig. 3-a): depthwise D + I, then pointwise W.

    Parameters
    ----------
    weight, d, kernel_size : as in :func:`compose`

    Returns
    -------
    depthwise : (C_in·D_mul, 1, M, N), for C_in groups; input channel c becomes the channels c·D_mul …
    pointwise : (C_out, C_in/groups·D_mul, 1, 1), for the groups of ``weight``
    """
    depthwise = _total(d).transpose(2, 1, 0).reshape(-1, 1, *kernel_size)
    return depthwise, weight.reshape(weight.shape[0], -1, *(1 for _ in kernel_size))


def heat_map(weight: Array, d: Array, kernel_size: Sequence[int]) -> Array:
    """H, of shape (M, N): what D has changed at each position of the kernel (section 4.4, Figure 6).

    H[m, n] = Σ |W'[o, i, m, n] − W[o, i, m, n]| over all channels o and i. Where D_mul ≠ M·N, so that W is no
    kernel itself, the kernel it makes with D = I stands in its place; the two are the same for D_mul = M·N.

    Parameters
    ----------
    weight, d, kernel_size : as in :func:`compose`
    """
    start = compose(weight, np.zeros_like(d), kernel_size)
    heat: Array = np.abs(compose(weight, d, kernel_size) - start).sum(axis=(0, 1))
    return heat


def _total(d: Array) -> Array:
    """D' + I, of shape (M·N, D_mul, C_in)."""
    *head, d_mul, in_channels = d.shape
    shape = (prod(head), d_mul, in_channels)
    total: Array = d.reshape(shape) + identity(*shape[:2], d.dtype)[:, :, None]
    return total

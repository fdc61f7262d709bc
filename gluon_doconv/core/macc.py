"""Multiply-accumulate operations and memory of both compositions of one layer (section 3 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from .kernel import Geometry


@dataclass(frozen=True)
class Macc:
    """Multiply-accumulate operations of one image through one layer, by both compositions.

    Section 3, "Training efficiency and composition choice", for a batch of one. The paper counts at
    stride 1 and one group; here ``positions`` is the size of the *output* map, which also holds for
    strided layers, and C_in is per group, which also holds for DO-DConv and DO-GConv.
    """

    plain: int
    kernel: int
    feature: int

    @property
    def cheaper(self) -> str:
        """``'kernel'`` or ``'feature'``; ``'kernel'`` where they cost the same."""
        return "feature" if self.feature < self.kernel else "kernel"


def macc(geometry: Geometry, in_channels: int, positions: int) -> Macc:
    """Count both compositions of a layer whose output map has ``positions`` = H·W positions."""
    kernel_area, d_mul = geometry.kernel_area, geometry.d_mul
    connections = geometry.channels * (in_channels // geometry.groups)
    plain = connections * positions * kernel_area
    composing = d_mul * kernel_area * connections
    depthwise = d_mul * kernel_area * in_channels * positions
    return Macc(plain=plain, kernel=composing + plain, feature=depthwise + connections * positions * d_mul)


@dataclass(frozen=True)
class Memory:
    """Numbers (not bytes) that each composition holds beyond the input, the output, W and D of a layer.

    Section 3, "Training efficiency and composition choice": kernel composition holds W', of shape
    (C_out, M·N, C_in/groups), once for all positions; feature composition holds P', D_mul·C_in numbers at
    each position.
    """

    kernel: int
    feature: int


def memory(geometry: Geometry, in_channels: int, positions: int) -> Memory:
    """What both compositions hold of a layer whose output map has ``positions`` = H·W positions."""
    return Memory(
        kernel=geometry.channels * geometry.kernel_area * (in_channels // geometry.groups),
        feature=geometry.d_mul * in_channels * positions,
    )


def output_shape(
    spatial: Sequence[int],
    kernel_size: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """Spatial shape of a convolution's output."""
    return tuple(
        (x + 2 * p - d * (k - 1) - 1) // s + 1
        for x, k, s, p, d in zip(spatial, kernel_size, strides, padding, dilation)
    )

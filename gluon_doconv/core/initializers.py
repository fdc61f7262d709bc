"""What D starts from, whatever initializer the network is given."""

from __future__ import annotations

from math import prod

import mxnet as mx

from . import kernel
from .semantics import as_in_force


@mx.init.register
class DepthwiseHe(mx.init.Initializer):
    """He initialisation of D (Table 7): D ~ N(0, 2/(M·N)); a channel's patch is the fan-in.

    Fills the stored D' = D − I, whose last axes are D_mul and C_in.
    """

    def _init_weight(self, _: str, d: mx.nd.NDArray) -> None:
        kernel_area, d_mul = prod(d.shape[:-2]), d.shape[-2]
        identity = mx.nd.array(kernel.identity(kernel_area, d_mul), dtype=d.dtype, ctx=d.context)
        noise = mx.nd.random.normal(0, (2 / kernel_area) ** 0.5, shape=d.shape, dtype="float32", ctx=d.context)
        d[:] = as_in_force(noise.astype(d.dtype) - identity.reshape((*d.shape[:-1], 1)))


INITIALIZERS = {"identity": mx.init.Zero(), "he": DepthwiseHe()}

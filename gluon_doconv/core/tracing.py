"""The graph of a live network."""

from __future__ import annotations

import mxnet as mx
from mxnet.gluon import HybridBlock
from mxnet.gluon.block import _regroup

from ..errors import DOConvError


def trace(net: HybridBlock, afresh: bool = False) -> mx.sym.Symbol:
    """The graph of a network, as it was traced when it was hybridized and run, else traced now.

    Parameters
    ----------
    net : the network
    afresh : whether to trace now in any case

    Raises
    ------
    DOConvError
        If ``net`` is no HybridBlock, or takes more than one input and has not been hybridized and run.
    """
    if not isinstance(net, HybridBlock):
        raise DOConvError(f"{net.name} is a {type(net).__name__}, not a HybridBlock: it has no graph to export")
    if net._cached_graph and not afresh:
        return net._cached_graph[1]
    try:
        inputs = _regroup(net._cached_graph[0], net._in_format) if net._cached_graph else [mx.sym.var("data")]
        out = net(*inputs)
    except Exception as error:
        raise DOConvError(
            f"{net.name} could not be traced with one input ({error}); hybridize it and run it once before"
        ) from error
    return mx.sym.Group(out) if isinstance(out, (list, tuple)) else out

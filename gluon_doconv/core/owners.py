"""Who else in this process holds the same layers and Parameters: another network, or a part of one."""

from __future__ import annotations

import gc
from typing import Iterable, Iterator

from mxnet.gluon import Block, HybridBlock, SymbolBlock
from mxnet.gluon.nn.conv_layers import _Conv
from mxnet.gluon.parameter import Parameter


def live_blocks() -> list[Block]:
    """Every block of this process."""
    return [found for found in gc.get_objects() if issubclass(type(found), Block)]


def holders_of(weights: Iterable[Parameter], blocks: Iterable[Block]) -> Iterator[Block]:
    """Those of ``blocks`` that convolve with one of ``weights``: layers, and SymbolBlocks."""
    wanted = set(map(id, weights))
    for block in blocks:
        if isinstance(block, (_Conv, SymbolBlock)) and any(id(p) in wanted for p in block._reg_params.values()):
            yield block


def forget_graphs_with(changed: Iterable[Block], blocks: Iterable[Block]) -> None:
    """Clear the graphs that hybridized ``blocks`` traced before of what has ``changed`` in them since."""
    holding = {id(block): True for block in changed}
    for block in blocks:
        if isinstance(block, HybridBlock) and block._cached_graph and _holds(block, holding):
            block._clear_cached_op()


def _holds(block: Block, holding: dict[int, bool]) -> bool:
    """Whether ``block`` is, or holds, what ``holding`` says; its answers are kept there."""
    if id(block) not in holding:
        holding[id(block)] = False  # for the time of the question: a block may hold itself
        holding[id(block)] = any(_holds(child, holding) for child in block._children.values())
    return holding[id(block)]

"""Who else in this process holds the same layers and Parameters: another network, or a part of one."""

from __future__ import annotations

import gc
from itertools import compress
from typing import Collection, Iterable, Iterator

from mxnet.gluon import Block, HybridBlock, SymbolBlock
from mxnet.gluon.nn.conv_layers import _Conv
from mxnet.gluon.parameter import Parameter


def holders_of(weights: Iterable[Parameter], besides: Collection[Block]) -> list[Block]:
    """Find the layers and SymbolBlocks of this process, ``besides`` some, that hold one of ``weights``."""
    wanted, known = set(map(id, weights)), set(map(id, besides))
    if not any(_holders(wanted, known)):
        return []
    gc.collect()  # a network that nobody can reach any more is no holder
    return list(_holders(wanted, known))


def outermost_with(weights: Iterable[Parameter]) -> list[Block]:
    """Find the networks of this process, parts of no other, whose convolutions hold one of ``weights``."""
    holding = {id(layer): True for layer in holders_of(weights, besides=())}
    blocks = [block for block in _live_blocks() if holding and _holds(block, holding)]
    parts = {id(child) for block in blocks for child in block._children.values()}
    return [block for block in blocks if id(block) not in parts]


def forget_graphs_with(changed: Iterable[Block]) -> None:
    """Clear the graphs that hybridized blocks of this process traced before of what has ``changed`` in them."""
    holding = {id(block): True for block in changed}
    for block in _live_blocks():
        if isinstance(block, HybridBlock) and vars(block).get("_cached_graph") and _holds(block, holding):
            block._clear_cached_op()


def _live_blocks() -> Iterator[Block]:
    objects = gc.get_objects()  # often a million: what asks each of them must not be a loop in Python
    return compress(objects, map(_kinds(Block).__contains__, map(type, objects)))


def _kinds(base: type) -> set[type]:
    return {base}.union(*map(_kinds, base.__subclasses__()))


def _holders(wanted: set[int], known: set[int]) -> Iterator[Block]:
    for block in _live_blocks():
        held = vars(block).get("_reg_params", {}).values() if isinstance(block, (_Conv, SymbolBlock)) else ()
        if id(block) not in known and any(id(parameter) in wanted for parameter in held):
            yield block


def _holds(block: Block, holding: dict[int, bool]) -> bool:
    """Whether ``block`` is, or holds, what ``holding`` says; its answers are kept there."""
    if id(block) not in holding:
        holding[id(block)] = False  # for the time of the question: a block may hold itself
        holding[id(block)] = any(_holds(child, holding) for child in block._children.values())
    return holding[id(block)]

"""Have ``collect_params`` choose a D exactly where it chooses the weight that D belongs to."""

from __future__ import annotations

from mxnet.gluon import Block
from mxnet.gluon.parameter import ParameterDict

from .coupling import d_of


class SelectWithWeight:
    """What is called in place of the ``collect_params`` of ``block``, which holds it."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def __call__(self, select: str | None = None) -> ParameterDict:
        """Collect as the class of the block does; each D comes after its weight, or not at all."""
        found = type(self._block).collect_params(self._block, select)
        ds = {id(d_of(p)) for p in self._block.params.values()}
        chosen = ParameterDict(found.prefix)
        for parameter in found.values():
            d = d_of(parameter)
            wanted = [] if id(parameter) in ds else [parameter] if d is None else [parameter, d]
            chosen.update({each.name: each for each in wanted})
        return chosen


def select_with_weight(block: Block) -> None:
    """Have ``block`` choose every D of its own Parameters with its weight."""
    block.collect_params = SelectWithWeight(block)

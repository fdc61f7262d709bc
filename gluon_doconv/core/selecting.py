"""Have ``collect_params`` choose a D exactly where it chooses the weight that D belongs to."""

from __future__ import annotations

import re

from mxnet.gluon import Block
from mxnet.gluon.parameter import ParameterDict

from . import names
from .coupling import DepthwiseKernel, d_of, has_d

NO_LETTER = "\N{REPLACEMENT CHARACTER}"


class SelectWithWeight:
    """What is called in place of the ``collect_params`` of ``block``, which holds it."""

    def __init__(self, block: Block) -> None:
        self._block = block

    def __call__(self, select: str | None = None) -> ParameterDict:
        """Collect as the class of the block does; each D comes after its weight, or not at all.

        An expression that asks for D by its name, such as ``'.*_D$'``, gets it.
        """
        found = type(self._block).collect_params(self._block, select)
        chosen = ParameterDict(found.prefix)
        for parameter in found.values():
            wanted = [parameter, d_of(parameter)]
            if isinstance(parameter, DepthwiseKernel):
                wanted = [parameter] if select and _asks_for_d(select, parameter.name) else []
            chosen.update({each.name: each for each in wanted if each is not None})
        return chosen


def _asks_for_d(select: str, name: str) -> bool:
    """Whether an expression that matches the name of a D would match no other name in its place."""
    return re.match(select, name[: -len(names.D)] + NO_LETTER) is None


def select_with_weight(block: Block) -> None:
    """Have ``block`` choose every D of its own Parameters with its weight, as long as it has any."""
    if has_d(block.params.values()):
        block.collect_params = SelectWithWeight(block)
    else:
        vars(block).pop("collect_params", None)

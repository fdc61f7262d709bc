"""Notice when GluonCV has finished building a network, however it was asked to.

Networks come from ``get_model``, from factory functions that a script imported by name long ago, from classes
called directly. What they have in common is that convolutions come into being while code of GluonCV's zoo is
running. So a hook on the convolutions' ``__init__`` finds the outermost call into the zoo, and what that call
returns is the finished network.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Callable

from mxnet.gluon import Block
from mxnet.gluon.nn.conv_layers import _Conv

from ..calls import Call
from ..monkeypatch import Undo, intercept
from .returns import on_return

BUILDERS = ("gluoncv.model_zoo", "gluoncv.nn", "gluon_doconv.zoo.networks")


def hook_builds(on_built: Callable[[Block], None]) -> Undo:
    """Call ``on_built`` with every network that GluonCV builds; the returned call undoes it.

    A network whose building ends in an exception is none.
    """

    def returned(call: FrameType, value: Any) -> None:
        network = value if isinstance(value, Block) else call.f_locals.get("self")  # __init__ returns None
        if isinstance(network, Block):
            on_built(network)

    def make_layer(call: Call) -> None:
        call()
        builder = _outermost_builder(sys._getframe(1))
        if builder is not None:
            on_return(builder, returned)

    return intercept(_Conv, "__init__", make_layer)


def is_building() -> bool:
    """Say whether GluonCV is building a network at the moment, of which :func:`hook_builds` will tell."""
    return _outermost_builder(sys._getframe(1)) is not None


def _outermost_builder(frame: FrameType | None) -> FrameType | None:
    found = None
    while frame is not None:
        is_builder = frame.f_globals.get("__name__", "").startswith(BUILDERS)
        if is_builder or (found is not None and _constructs_block(frame)):
            found = frame
        frame = frame.f_back
    return found


def _constructs_block(frame: FrameType) -> bool:
    """Whether a network of somebody's own is being made, of which what GluonCV builds is a part."""
    return frame.f_code.co_name == "__init__" and isinstance(frame.f_locals.get("self"), Block)

"""Log when GluonCV has finished building a network, however it was asked to.

Networks come from ``get_model``, from factory functions that a script imported by name long ago, from classes
called directly. What they have in common is that convolutions come into being while code of GluonCV's zoo is
running. So a hook on the convolutions' ``__init__`` finds the outermost call into the zoo, and what that call
returns is the finished network.
"""

from __future__ import annotations

import dis
import functools
import sys
import threading
from types import FrameType
from typing import Any, Callable

from mxnet.gluon import Block
from mxnet.gluon.nn.conv_layers import _Conv

BUILDERS = ("gluoncv.model_zoo", "gluoncv.nn", "gluon_doconv.zoo.networks")

_watched = threading.local()


class BuildHook:
    """Calls ``on_built`` with every network that GluonCV builds between :meth:`start` and :meth:`stop`."""

    def __init__(self, on_built: Callable[[Block], None]) -> None:
        self._on_built = on_built
        self._original = _Conv.__init__

    def start(self) -> None:
        """Begin to watch."""
        original = self._original = _Conv.__init__

        @functools.wraps(original)
        def watched_init(layer: _Conv, *args: Any, **kwargs: Any) -> None:
            original(layer, *args, **kwargs)
            call = _outermost_builder(sys._getframe(1))
            if call is not None:
                _on_return(call, self._on_built)

        _Conv.__init__ = watched_init

    def stop(self) -> None:
        """Put the original back."""
        _Conv.__init__ = self._original


def _outermost_builder(frame: FrameType | None) -> FrameType | None:
    found = None
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(BUILDERS):
            found = frame
        frame = frame.f_back
    return found


def _on_return(call: FrameType, on_built: Callable[[Block], None]) -> None:
    """When ``call`` returns, pass on the network it returns, or the one it is a method of."""
    if getattr(_watched, "call", None) is call:
        return
    _watched.call = call
    previous = sys.getprofile()

    def profile(frame: FrameType, event: str, value: Any) -> None:
        if previous is not None:
            previous(frame, event, value)  # type: ignore[arg-type]  # whatever event Python names
        if frame is call and event == "return":
            sys.setprofile(previous)
            _watched.call = None
            network = value if isinstance(value, Block) else frame.f_locals.get("self")
            if isinstance(network, Block) and _returns(frame):
                on_built(network)

    sys.setprofile(profile)


def _returns(frame: FrameType) -> bool:
    """Whether a frame that is being left returns; a profile function is not told of an exception."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")

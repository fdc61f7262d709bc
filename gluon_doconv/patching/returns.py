"""Notice when a call that is under way returns, and what it returns.

Other ways were weighed and are worse. Wrapping GluonCV's factories misses every name that a script imported
before. Wrapping ``Block.__init__`` converts a detector's backbone before its detector exists, so that stages
and parts are not known. Layers that are born with a D never see convolutions that are written as symbols.
Conversion when a network is first used comes too late for whoever looks at ``net.features[0].D`` before.

From Python 3.12 on ``sys.monitoring`` tells of the returns of single code objects, beside any profiler or
debugger. Below, a thread's profile function is told of every call, and tells the profiler that was there. One
in C, as cProfile is, can be told nothing and keeps its place: then the trace function stands in for a while.
"""

from __future__ import annotations

import dis
import sys
import threading
from types import CodeType, FrameType
from typing import Any, Callable

Callback = Callable[[FrameType, Any], None]

_callbacks: dict[FrameType, list[Callback]] = {}  # by the call that has not returned


def on_return(frame: FrameType, callback: Callback) -> None:
    """Call ``callback(frame, value)`` when the call that ``frame`` belongs to returns ``value``.

    A call that is left by an exception has not returned, and is forgotten. A generator returns when it is
    exhausted, not when it yields; one that is closed before that is waited for in vain. What ``callback``
    raises comes out of the call.

    Parameters
    ----------
    frame : of a call that is under way in this thread
    callback : asked for twice for the same call, it is called once
    """
    if frame not in _callbacks:
        _watch.start(frame)
    callbacks = _callbacks.setdefault(frame, [])
    if callback not in callbacks:
        callbacks.append(callback)


def _forget(frame: FrameType) -> list[Callback]:
    """Wait no longer for a call; return who wanted to know of it."""
    callbacks = _callbacks.pop(frame, [])
    if callbacks:
        _watch.stop(frame)
    return callbacks


if sys.version_info >= (3, 12):
    from sys import monitoring

    TOOL_IDS = (4, 3)  # the others are for debuggers, coverage, profilers and optimizers

    class _Monitoring:
        """Waits for calls in any thread, by events of their code objects."""

        def __init__(self) -> None:
            self._lock = threading.RLock()
            self._tool: int | None = None

        def start(self, frame: FrameType) -> None:
            with self._lock:
                if self._tool is None:
                    self._tool = self._begin()
                monitoring.set_local_events(self._tool, frame.f_code, monitoring.events.PY_RETURN)

        def stop(self, frame: FrameType) -> None:
            with self._lock:
                assert self._tool is not None
                if not any(waiting.f_code is frame.f_code for waiting in list(_callbacks)):
                    monitoring.set_local_events(self._tool, frame.f_code, monitoring.events.NO_EVENTS)
                if not _callbacks:
                    monitoring.set_events(self._tool, monitoring.events.NO_EVENTS)
                    monitoring.free_tool_id(self._tool)
                    self._tool = None

        def _begin(self) -> int:
            tool = next((number for number in TOOL_IDS if monitoring.get_tool(number) is None), None)
            if tool is None:
                raise RuntimeError(f"sys.monitoring: the tools {TOOL_IDS} are both in use; end one of them")
            monitoring.use_tool_id(tool, "gluon_doconv")
            monitoring.register_callback(tool, monitoring.events.PY_RETURN, self._returned)
            monitoring.register_callback(tool, monitoring.events.PY_UNWIND, self._left)
            monitoring.set_events(tool, monitoring.events.PY_UNWIND)  # which is never of one code object alone
            return tool

        def _returned(self, code: CodeType, offset: int, value: Any) -> None:
            frame = sys._getframe(1)
            for callback in _forget(frame):
                callback(frame, value)

        def _left(self, code: CodeType, offset: int, exception: BaseException) -> None:
            _forget(sys._getframe(1))

    _watch = _Monitoring()

else:

    class _Profiling(threading.local):
        """Waits for the calls of one thread, in the place of its profile function or of its trace function."""

        _waiting = 0
        _traces: bool
        _before: Any
        _replace: Callable[[Any], None]

        def start(self, frame: FrameType) -> None:
            if not self._waiting:
                self._begin()
            self._waiting += 1
            if self._traces:
                frame.f_trace = self._observe

        def stop(self, frame: FrameType) -> None:
            self._waiting -= 1
            if not self._waiting:
                self._replace(self._before)

        def _begin(self) -> None:
            profiler = sys.getprofile()
            self._traces = profiler is not None and not callable(profiler)
            self._before = sys.gettrace() if self._traces else profiler
            self._replace = sys.settrace if self._traces else sys.setprofile
            self._replace(self._observe)

        def _observe(self, frame: FrameType, event: str, value: Any) -> Callable | None:
            if self._before is not None and not self._traces:
                self._before(frame, event, value)
            if event == "return" and frame in _callbacks and not _is_at(frame, YIELDS):
                returned = _is_at(frame, ("RETURN",))
                for callback in _forget(frame):
                    if returned:
                        callback(frame, value)
            return (
                self._observe if frame in _callbacks else None
            )  # a trace function says what it wants to hear of

    YIELDS = ("YIELD", "SEND")

    def _is_at(frame: FrameType, operations: tuple[str, ...]) -> bool:
        """Whether a frame stopped at such an operation: returns, yields and exceptions are one event."""
        return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith(operations)

    _watch = _Profiling()

"""Change somebody else's code, a method or a module about to be imported, and undo it object for object."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from contextlib import ExitStack
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Sequence

from .calls import Call

Undo = Callable[[], None]
Handler = Callable[[Call], Any]


def intercept(owner: type | ModuleType, name: str, handler: Handler) -> Undo:
    """Have ``handler`` answer for ``owner.name``, a method or a function; what is returned puts that back.

    A handler is given the :class:`Call`, whose arguments go by the names that ``owner.name`` itself has for
    them: it cannot take less than what it stands for. An inherited method is looked up when it is called: the
    class it comes from may be intercepted in, too.
    """
    original = getattr(owner, name)
    inherited = name not in vars(owner)
    signature = inspect.signature(original)

    def inherit(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(owner, self), name)(*args, **kwargs)  # type: ignore[arg-type]

    @functools.wraps(original)
    def answer(*args: Any, **kwargs: Any) -> Any:
        return handler(Call(inherit if inherited else original, signature, args, kwargs))

    setattr(owner, name, answer)
    if inherited:
        return functools.partial(delattr, owner, name)
    return functools.partial(setattr, owner, name, original)


def intercept_all(*changes: tuple[type | ModuleType, str, Handler]) -> Undo:
    """:func:`intercept` all of ``changes`` or, if one fails, none; the returned call undoes them all."""
    with ExitStack() as stack:
        for change in changes:
            stack.callback(intercept(*change))
        return stack.pop_all().close


def when_imported(name: str, change: Callable[[ModuleType], Undo]) -> Undo:
    """Call ``change`` with the module ``name``: now if it is imported already, or else when it is.

    The returned call undoes the change, or sees to it that none is made.
    """
    watch = _Watch(name, change)
    if name in sys.modules:
        watch.changed(sys.modules[name])
    else:
        sys.meta_path.insert(0, watch)
    return watch.undo


class _Watch(MetaPathFinder):
    """Finds one module as the other finders do, but with a loader that tells when it has been executed."""

    def __init__(self, name: str, change: Callable[[ModuleType], Undo]) -> None:
        self._name, self._change = name, change
        self._undo: Undo | None = None

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _TellingLoader(spec.loader, self.changed)
        return spec

    def changed(self, module: ModuleType) -> None:
        self._undo = self._change(module)

    def undo(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self._undo is not None:
            self._undo()


class _TellingLoader(Loader):
    """A module's own loader; when that has executed the module, ``executed`` is called."""

    def __init__(self, loader: Any, executed: Callable[[ModuleType], None]) -> None:
        self._loader, self._executed = loader, executed

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Whoever asks the module for its loader later is to find its own.
        module.__loader__ = module.__spec__.loader = self._loader  # type: ignore[union-attr]
        self._loader.exec_module(module)
        self._executed(module)

"""Replace a method of somebody else's class, so that it can be undone object for object."""

from __future__ import annotations

import functools
from typing import Any, Callable

Undo = Callable[[], None]


def wrap_method(owner: type, name: str, replacement: Callable[..., Any]) -> Undo:
    """Replace ``owner.name`` by ``replacement(original, self, …)``; what is returned puts the original back.

    An inherited method is looked up when it is called: the class it comes from may be replaced in, too.
    """
    original = getattr(owner, name)
    inherited = name not in vars(owner)

    def inherit(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(owner, self), name)(*args, **kwargs)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return replacement(inherit if inherited else original, self, *args, **kwargs)

    setattr(owner, name, method)
    if inherited:
        return functools.partial(delattr, owner, name)
    return functools.partial(setattr, owner, name, original)


def shared(apply: Callable[[], Undo]) -> Callable[[], Undo]:
    """Let several callers want one hook: the first call applies it, and the last undo undoes it."""
    users: set[object] = set()
    undo: list[Undo] = []

    @functools.wraps(apply)
    def use() -> Undo:
        user = object()
        if not users:
            undo.append(apply())
        users.add(user)

        def leave() -> None:
            users.discard(user)
            if undo and not users:
                undo.pop()()

        return leave

    return use

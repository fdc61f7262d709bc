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

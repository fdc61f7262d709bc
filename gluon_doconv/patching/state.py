"""What is in force at the moment: the patch, the registered names, or both; and the hooks they share."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Callable

from ..monkeypatch import Undo
from .converter import Converter

Hook = Callable[[], Undo]

_holders: Counter[Hook] = Counter()
_undo: dict[Hook, Undo] = {}


def hold(hook: Hook) -> Undo:
    """Apply ``hook`` unless somebody holds it already; when the last lets go, it is undone.

    Returns
    -------
    What lets go of it, and may be called once.
    """
    if hook not in _undo:
        _undo[hook] = hook()
    _holders[hook] += 1

    def let_go() -> None:
        _holders[hook] -= 1
        if not _holders[hook]:
            del _holders[hook]
            _undo.pop(hook)()

    return let_go


class Activation:
    """The patch, or the registered names: what it makes of networks while it is in force, and its hooks."""

    def __init__(self) -> None:
        self.converter: Converter | None = None
        self._hooks = ExitStack()

    def start(self, converter: Converter, *hooks: Hook) -> Converter:
        """Put this in force with its hooks: all of them or, if one fails, none."""
        with ExitStack() as held:
            for hook in hooks:
                held.callback(hold(hook))
            self._hooks = held.pop_all()
        self.converter = converter
        return converter

    def stop(self) -> None:
        """Undo :meth:`start`; where nothing is in force, do nothing."""
        self.converter = None
        self._hooks.close()


PATCH, REGISTRY = Activation(), Activation()


def is_patched() -> bool:
    """Say whether :func:`~gluon_doconv.patch` is in force.

    Returns
    -------
    bool

    Examples
    --------
    >>> doconv.is_patched()
    False
    >>> with doconv.patched():
    ...     net = get_model("cifar_resnet20_v1")
    ...     doconv.is_patched()
    True
    """
    return PATCH.converter is not None


def networks_so_far() -> str:
    """List the networks to which what is in force has given DO-Conv; empty while there is none."""
    converters = [activation.converter for activation in (PATCH, REGISTRY) if activation.converter is not None]
    names = [network.name for converter in converters for network in converter.built]
    return ", ".join(dict.fromkeys(names))

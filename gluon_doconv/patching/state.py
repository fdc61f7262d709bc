"""What is in force at the moment: patches, one within another; the registered names; the hooks they share."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from typing import Callable

from ..monkeypatch import Undo
from .converter import Converter

Hook = Callable[[], Undo]

_holders: Counter[Hook] = Counter()
_undo: dict[Hook, Undo] = {}
_lock = threading.RLock()  # of the two above, and of what is in force


def hold(hook: Hook) -> Undo:
    """Apply ``hook`` unless somebody holds it already; when the last lets go, it is undone.

    Returns
    -------
    What lets go of it, and may be called once.
    """
    with _lock:
        if hook not in _undo:
            _undo[hook] = hook()
        _holders[hook] += 1

    def let_go() -> None:
        with _lock:
            _holders[hook] -= 1
            if not _holders[hook]:
                del _holders[hook]
                _undo.pop(hook)()

    return let_go


class Activations:
    """The patches, or the registered names: what they make of networks while they are in force."""

    def __init__(self) -> None:
        self._latest_last: list[tuple[int, Converter, ExitStack]] = []

    @property
    def converter(self) -> Converter | None:
        """What is in force in this thread: the last that it has started itself, or else that any has."""
        own = [converter for thread, converter, _ in [*self._latest_last] if thread == threading.get_ident()]
        return [None, *self.converters, *own][-1]

    @property
    def converters(self) -> list[Converter]:
        """All that are in force, in any thread."""
        return [converter for _, converter, _ in [*self._latest_last]]

    def start(self, converter: Converter, *hooks: Hook) -> Converter:
        """Put this in force with its hooks: all of them or, if one fails, none."""
        with _lock, ExitStack() as held:
            for hook in hooks:
                held.callback(hold(hook))
            self._latest_last.append((threading.get_ident(), converter, held.pop_all()))
        return converter

    def stop(self, stopped: Converter | None) -> None:
        """Undo :meth:`start`; where that is not in force, do nothing."""
        with _lock:
            for entry in [entry for entry in self._latest_last if entry[1] is stopped]:
                self._latest_last.remove(entry)
                entry[2].close()


PATCHES, REGISTRY = Activations(), Activations()


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
    return PATCHES.converter is not None


def converters_in_force() -> list[Converter]:
    """List what makes something of networks: those of patches, and of the registered names."""
    return [*PATCHES.converters, *REGISTRY.converters]


def networks_so_far() -> str:
    """List the networks to which what is in force has given DO-Conv; empty while there is none."""
    names = [network.name for converter in converters_in_force() for network in converter.built]
    return ", ".join(dict.fromkeys(names))

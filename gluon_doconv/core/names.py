"""The one rule of names: the D beside the kernel called ``…weight`` is called ``…D``.

It holds for structural names (``features.0.weight``), for Gluon's own (``net_conv0_weight``), for those of
exported files (``arg:net_conv0_weight``) and for the bare word (``weight``).
"""

from __future__ import annotations

WEIGHT, D = "weight", "D"
SEPARATORS = (".", "_", ":")


def is_weight(name: str) -> bool:
    """Tell whether ``name`` is that of a kernel."""
    return _ends_in(name, WEIGHT)


def is_d(name: str) -> bool:
    """Tell whether ``name`` is that of a D."""
    return _ends_in(name, D)


def d_of(weight: str) -> str:
    """Name the D beside a kernel.

    Raises
    ------
    ValueError
        If ``weight`` is not the name of a kernel.
    """
    return _stem(weight, WEIGHT) + D


def weight_of(d: str) -> str:
    """Name the kernel beside a D.

    Raises
    ------
    ValueError
        If ``d`` is not the name of a D.
    """
    return _stem(d, D) + WEIGHT


def layer_of(name: str) -> str:
    """Name the layer of a kernel or a D; empty for a bare word, and ``name`` itself for any other name."""
    for word in (WEIGHT, D):
        if _ends_in(name, word):
            stem = _stem(name, word)
            return stem[:-1] if stem.endswith((".", "_")) else stem
    return name


def without_kind(name: str) -> str:
    """Leave out the ``arg:`` or ``aux:`` that exported files put before Gluon's own names."""
    return name.split(":", 1)[-1]


def _ends_in(name: str, word: str) -> bool:
    return name == word or name.endswith(tuple(separator + word for separator in SEPARATORS))


def _stem(name: str, word: str) -> str:
    if not _ends_in(name, word):
        raise ValueError(f"{name!r} does not end in {word!r}")
    return name[: -len(word)]

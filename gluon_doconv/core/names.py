"""The one rule of names: the D beside the kernel called ``…weight`` is called ``…D``.

It holds for structural names (``features.0.weight``), for Gluon's own (``net_conv0_weight``), for those of
exported files (``arg:net_conv0_weight``) and for the bare word (``weight``). In a graph a kernel may have any
name: the D beside ``filter`` is called ``filter_D``.
"""

from __future__ import annotations

from typing import Container

WEIGHT, D = "weight", "D"
SEPARATORS = (".", "_", ":", "-", "/")


def is_weight(name: str) -> bool:
    """Tell whether ``name`` is that of a kernel."""
    return _ends_in(name, WEIGHT)


def is_d(name: str) -> bool:
    """Tell whether ``name`` is that of a D."""
    return _ends_in(name, D)


def d_of(kernel: str) -> str:
    """Name the D beside a kernel."""
    return kernel[: -len(WEIGHT)] + D if is_weight(kernel) else f"{kernel}_{D}"


def weight_of(d: str, among: Container[str]) -> str | None:
    """Find the kernel beside a D ``among`` names; None where it is missing, or ``d`` is not the name of a D."""
    stem = d[: -len(D)]
    candidates = (stem + WEIGHT, stem[:-1]) if is_d(d) else ()
    return next((name for name in candidates if name in among and d_of(name) == d), None)


def layer_of(name: str) -> str:
    """Name the layer of a kernel or a D; empty for a bare word, and ``name`` itself for any other name."""
    for word in (WEIGHT, D):
        if _ends_in(name, word):
            stem = name[: -len(word)]
            return stem if stem.endswith(":") else stem[:-1]
    return name


def without_kind(name: str) -> str:
    """Leave out the ``arg:`` or ``aux:`` that exported files put before Gluon's own names."""
    return name.split(":", 1)[-1]


def _ends_in(name: str, word: str) -> bool:
    return name == word or name.endswith(tuple(separator + word for separator in SEPARATORS))

"""Names that NumPy 1.24 and NumPy 2 removed, given back to it."""

from __future__ import annotations

import warnings
from typing import Any, Callable

from ..monkeypatch import Undo

# bool: mxnet; float: gluoncv's R-CNN anchors and COCO metric; int: gluoncv's HRNet.
REMOVED_BY_NUMPY_1_24: dict[str, type] = {
    "bool": bool,
    "float": float,
    "int": int,
    "object": object,
    "str": str,
}

# mxnet.numpy looks these up while it is imported.
CONSTANTS_REMOVED_BY_NUMPY_2 = {
    "PZERO": 0.0,
    "NZERO": -0.0,
    "PINF": float("inf"),
    "NINF": -float("inf"),
    "NAN": float("nan"),
    "NaN": float("nan"),
    "Inf": float("inf"),
}
RENAMED_BY_NUMPY_2 = {
    "alltrue": "all",
    "cumproduct": "cumprod",
    "in1d": "isin",
    "product": "prod",
    "round_": "round",
    "row_stack": "vstack",
    "sometrue": "any",
    "trapz": "trapezoid",
}
GONE_IN_NUMPY_2 = ("mirr", "msort", "npv", "pmt", "ppmt", "pv", "rate")

added: list[str] = []  # names that NumPy has at the moment from here


def restore(numpy: Any) -> Undo:
    """Add to the module ``numpy`` what it lacks, silently; the returned call takes out again what was added."""
    for name, value in _removed(numpy).items():
        if not _has(numpy, name):
            setattr(numpy, name, value)
            added.append(name)

    def undo() -> None:
        while added:
            delattr(numpy, added.pop())

    return undo


def _removed(numpy: Any) -> dict[str, Any]:
    if int(numpy.__version__.split(".")[0]) < 2:
        return dict(REMOVED_BY_NUMPY_1_24)
    renamed = {old: getattr(numpy, new) for old, new in RENAMED_BY_NUMPY_2.items()}
    gone = {name: _gone(name, numpy.__version__) for name in GONE_IN_NUMPY_2}
    return {**REMOVED_BY_NUMPY_1_24, **CONSTANTS_REMOVED_BY_NUMPY_2, **renamed, **gone}


def _has(numpy: Any, name: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy 1.20 to 1.23 deprecate some of these names when asked for them
        return hasattr(numpy, name)


def _gone(name: str, version: str) -> Callable[..., None]:
    def removed(*_: Any, **__: Any) -> None:
        raise AttributeError(f"numpy.{name} is not in NumPy {version}")

    return removed

"""What retired MXNet and GluonCV need in order to import on today's Python and NumPy.

MXNet 1.9.1 and GluonCV 0.10 use names that NumPy 1.24 and NumPy 2 removed, and a module that Python 3.12
removed. :func:`install` puts back what is missing. A name that exists is never replaced, so that with an
old Python and an old NumPy nothing happens.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any, Callable

import numpy

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

_added: list[str] = []


def install() -> None:
    """Make ``import mxnet`` and ``import gluoncv`` work. Idempotent and silent."""
    for name, value in REMOVED_BY_NUMPY_1_24.items():
        _add_to_numpy(name, value)
    if int(numpy.__version__.split(".")[0]) >= 2:
        for name, value in _removed_by_numpy_2().items():
            _add_to_numpy(name, value)
    if importlib.util.find_spec("distutils") is None:
        import setuptools  # noqa: F401  (brings a distutils of its own)


def uninstall() -> None:
    """Take out of NumPy again what :func:`install` has added. MXNet, once imported, does without."""
    while _added:
        delattr(numpy, _added.pop())


def _removed_by_numpy_2() -> dict[str, Any]:
    renamed = {old: getattr(numpy, new) for old, new in RENAMED_BY_NUMPY_2.items()}
    return {**CONSTANTS_REMOVED_BY_NUMPY_2, **renamed, **{name: _gone(name) for name in GONE_IN_NUMPY_2}}


def _add_to_numpy(name: str, value: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy 1.20 to 1.23 deprecate some of these names when asked for them
        present = hasattr(numpy, name)
    if not present:
        setattr(numpy, name, value)
        _added.append(name)


def _gone(name: str) -> Callable[..., None]:
    def removed(*_: Any, **__: Any) -> None:
        raise AttributeError(f"numpy.{name} is not in NumPy {numpy.__version__}")

    return removed

"""What retired MXNet and GluonCV need in order to import on today's Python and NumPy.

MXNet 1.9.1 and GluonCV 0.10 use names that NumPy 1.24 and NumPy 2 removed, and a module that Python 3.12
removed. :func:`install` puts back what is missing. A name that exists is never replaced, so that with an
old Python and an old NumPy nothing happens.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

from ..monkeypatch import Undo, when_imported
from . import numpy_names

_installed: list[Undo] = []


def install() -> None:
    """Make ``import mxnet`` and ``import gluoncv`` work. Idempotent and silent.

    NumPy gets its names when it is imported: nothing here imports it.
    """
    if not _installed:
        _installed.append(when_imported("numpy", numpy_names.restore))
    if not _has_distutils():
        import setuptools  # noqa: F401  (brings a distutils of its own)


def uninstall() -> None:
    """Take out of NumPy again what :func:`install` has added. MXNet, once imported, does without."""
    while _installed:
        _installed.pop()()


def _has_distutils() -> bool:
    """Tell without asking setuptools' own finder, which would import setuptools in order to answer."""
    return "_distutils_hack" in sys.modules or PathFinder.find_spec("distutils") is not None

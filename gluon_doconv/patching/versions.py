"""The versions of MXNet and GluonCV that the patch was tested with."""

from __future__ import annotations

import warnings

import mxnet as mx

from ..errors import DOConvWarning

TESTED_MXNET = ("1.9.1",)
TESTED_GLUONCV = ("0.6.0", "0.7.0", "0.10.0", "0.10.5", "0.11.0")


def warn_of_untested_versions() -> None:
    """Warn the caller's caller if what is installed is none of them."""
    import gluoncv

    for module, tested in ((mx, TESTED_MXNET), (gluoncv, TESTED_GLUONCV)):
        if module.__version__ not in tested:
            warnings.warn(
                f"{module.__name__} {module.__version__} was not tested with gluon_doconv (tested: "
                f"{', '.join(tested)}). Look at the report of which layers are DO-Conv.",
                DOConvWarning,
                stacklevel=3,
            )

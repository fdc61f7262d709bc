"""DO-Conv for GluonCV: train a kernel with a depthwise kernel beside it, then fold the two into one.

Importing this package makes retired MXNet and GluonCV importable on today's Python and NumPy.
"""

from . import compat
from .compat import cuda

compat.install()
cuda.preload()

from .checkpoint import (  # noqa: E402
    fold_params,
    inspect,
    load_parameters,
    over_parameterize_params,
)
from .convert import fold, over_parameterize  # noqa: E402
from .costing import costs  # noqa: E402
from .errors import DOConvError, DOConvWarning  # noqa: E402
from .graph import export, export_onnx, fold_symbol  # noqa: E402
from .importers import import_published, import_pytorch  # noqa: E402
from .layers import DOConv1D, DOConv2D, DOConv3D  # noqa: E402
from .options import Options  # noqa: E402
from .separable import separate  # noqa: E402
from .summary import summary  # noqa: E402
from .zoo import is_patched, patch, patched, register, unpatch, unregister  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "DOConv1D",
    "DOConv2D",
    "DOConv3D",
    "DOConvError",
    "DOConvWarning",
    "Options",
    "costs",
    "export",
    "export_onnx",
    "fold",
    "fold_params",
    "fold_symbol",
    "import_published",
    "import_pytorch",
    "inspect",
    "is_patched",
    "load_parameters",
    "over_parameterize",
    "over_parameterize_params",
    "patch",
    "patched",
    "register",
    "separate",
    "summary",
    "unpatch",
    "unregister",
]

"""DO-Conv for GluonCV: train a kernel with a depthwise kernel beside it, then fold the two into one.

Importing this package makes retired MXNet and GluonCV importable on today's Python and NumPy.
"""

from . import compat
from .compat import cuda

compat.install()
cuda.preload()

from .checkout.script_options import add_options, patch_from_environment, patch_from_options  # noqa: E402
from .core.config import DOConvConfig, Options  # noqa: E402
from .core.convert import fold, over_parameterize  # noqa: E402
from .core.layers import DOConv1D, DOConv2D, DOConv3D  # noqa: E402
from .core.separable import separate  # noqa: E402
from .core.symbol_params import with_ds  # noqa: E402
from .costing.compare import costs  # noqa: E402
from .costing.summary import summary  # noqa: E402
from .errors import DOConvError, DOConvWarning  # noqa: E402
from .files.checkpoint import load_parameters, over_parameterize_params  # noqa: E402
from .files.export import export, export_onnx  # noqa: E402
from .files.fold import fold_params, inspect  # noqa: E402
from .files.importers import import_published, import_pytorch  # noqa: E402
from .files.symbols import fold_symbol, over_parameterize_symbol  # noqa: E402
from .patching.patch import is_patched, patch, patched, unpatch  # noqa: E402
from .patching.registry import register, unregister  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "DOConv1D",
    "DOConv2D",
    "DOConv3D",
    "DOConvConfig",
    "DOConvError",
    "DOConvWarning",
    "Options",
    "add_options",
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
    "over_parameterize_symbol",
    "patch",
    "patch_from_environment",
    "patch_from_options",
    "patched",
    "register",
    "separate",
    "summary",
    "unpatch",
    "unregister",
    "with_ds",
]

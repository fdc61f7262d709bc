"""The public names, for type checkers and editors, and for ``__init__.py``, which imports each on first use."""

from .checkout.script_options import add_options, patch_from_environment, patch_from_options
from .core.config import DOConvConfig, Options
from .core.convert import fold, over_parameterize
from .core.layers import DOConv1D, DOConv2D, DOConv3D
from .core.separable import separate
from .costing.compare import costs
from .costing.counting import register_macc
from .costing.summary import summary
from .errors import DOConvError, DOConvWarning
from .files.checkpoint import load_parameters, over_parameterize_params
from .files.export import export, export_onnx, fold_symbol
from .files.fold import fold_params, inspect
from .files.importers import import_published, import_pytorch
from .patching.patch import patch, patched, unpatch
from .patching.registry import register, unregister
from .patching.state import is_patched

__version__: str

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
    "patch",
    "patch_from_environment",
    "patch_from_options",
    "patched",
    "register",
    "register_macc",
    "separate",
    "summary",
    "unpatch",
    "unregister",
]

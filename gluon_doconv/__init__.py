"""DO-Conv for GluonCV: train a kernel with a depthwise kernel beside it, then fold the two into one.

Importing this package makes retired MXNet and GluonCV importable on today's Python and NumPy, and imports
neither: each public name, listed in ``__init__.pyi``, is imported when it is first used.
"""

import lazy_loader

from . import compat
from .compat import cuda
from .patching.gluon import tell_gluon_of_d
from .patching.native import compose_natively
from .patching.reset_class import fold_before_reset_class
from .version import __version__ as __version__

compat.install()
cuda.preload()
tell_gluon_of_d()
compose_natively()
fold_before_reset_class()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""What the worker processes of a script that the runner runs have for a main module: the script itself.

A spawned process would import the script from its path, and the script would import MXNet before anything has
made it importable. The runner names this module as the origin of ``__main__`` instead.
"""

import os
from pathlib import Path

import gluon_doconv  # noqa: F401  (makes MXNet importable)

__file__ = os.environ["GLUON_DOCONV_SCRIPT"]
exec(compile(Path(__file__).read_bytes(), __file__, "exec"))

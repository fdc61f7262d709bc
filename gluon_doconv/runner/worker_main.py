"""What the worker processes of a script that the runner runs have for a main module: the script itself.

A spawned process would import the script from its path; the script would import MXNet before anything has made
it importable, and build plain networks. The runner names this module as the origin of ``__main__`` instead: it
does in the worker what the runner did in the first process.
"""

import os
from contextlib import ExitStack

from gluon_doconv.runner.run import prepare
from gluon_doconv.runner.run_config import VARIABLE, RunConfig
from gluon_doconv.runner.seeding import seed_worker

_config = RunConfig.from_text(os.environ[VARIABLE])
prepare(_config, ExitStack())
if _config.seed is not None:
    seed_worker(_config.seed)
_program = _config.program()
globals().update(__file__=_program.file, __package__=_program.package)
exec(_program.code)

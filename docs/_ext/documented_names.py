"""Every public name of gluon_doconv is in the reference, and each function there has an example."""

from __future__ import annotations

import inspect

import gluon_doconv

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    documented = env.domains["py"].data["objects"]
    for name in gluon_doconv.__all__:
        public = getattr(gluon_doconv, name)
        if f"gluon_doconv.{name}" not in documented:
            logger.warning("gluon_doconv.%s is public and not in docs/reference", name)
        if inspect.isfunction(public) and ">>>" not in (inspect.getdoc(public) or ""):
            logger.warning("the docstring of gluon_doconv.%s has no example", name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Check when every page has been read."""
    app.connect("env-check-consistency", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""GluonCV's model zoo: networks by name, and a patch that gives DO-Conv to whatever GluonCV builds."""

from .patch import is_patched, patch, patched, unpatch
from .registry import build, register, unregister

__all__ = ["build", "is_patched", "patch", "patched", "register", "unpatch", "unregister"]

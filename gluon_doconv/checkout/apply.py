"""Patch a checkout of GluonCV, or a script of somebody's own, and take the patch out again to the byte.

What is inserted, and where, is read from each file as it is now (:mod:`~gluon_doconv.checkout.placement`): any
version, edited or not. Inserted lines are marked, so that they are found again whatever was edited since.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Sequence

from ..disk.atomic import write_files
from ..disk.reading import read_bytes
from ..disk.transaction import settle
from ..errors import DOConvError, DOConvWarning
from . import placement
from .insertion import Insertion, insert, marked_lines, remove
from .syntax import imported, parse

PACKAGE = "gluoncv/__init__.py"
PREPARE_DATA = "scripts/datasets/"

Place = Callable[[bytes], Sequence[Insertion]]


@dataclass(frozen=True)
class Patching:
    """What can be patched below ``root``.

    Attributes
    ----------
    root : the checkout, or the folder of a script
    content : each file's content as it is, by its path below ``root``
    plain : the same without inserted lines
    patched : the same with all of them
    left : why a script is left alone, by its path
    """

    root: Path
    content: Mapping[str, bytes]
    plain: Mapping[str, bytes]
    patched: Mapping[str, bytes]
    left: Mapping[str, str]

    def state(self, path: str) -> str:
        """Whether a file is ``'patched'``, ``'plain'``, or ``'partly patched'``."""
        if self.content[path] == self.patched[path]:
            return "patched"
        return "plain" if self.content[path] == self.plain[path] else "partly patched"

    def paths(self, state: str) -> list[str]:
        """The files in this state."""
        return [path for path in self.content if self.state(path) == state]

    def __str__(self) -> str:
        return f"{self.root}: {len(self.paths('patched'))} of {len(self.content)} files are patched"


def check(target: str | Path) -> Patching:
    """Say what can be patched, and what is. Nothing is changed.

    Parameters
    ----------
    target : a checkout of GluonCV, or a Python file

    Raises
    ------
    DOConvError
        If it is neither, or if there is a file in which a line cannot be placed; each is named with the reason.
    """
    target = _settled(target)
    if target.is_file():
        return _examine(target.parent, {target.name: placement.of_script}, {})
    reasons = {name: _reason_to_leave(target, name) for name in _scripts(target)}
    places: dict[str, Place] = {name: placement.of_script for name, reason in reasons.items() if reason is None}
    left = {name: reason for name, reason in reasons.items() if reason is not None}
    return _examine(target, {PACKAGE: placement.of_package, **places}, left)


def apply(target: str | Path) -> Patching:
    """Patch what :func:`check` finds, all of it; a failure leaves every file as it was.

    Raises
    ------
    DOConvError
        As :func:`check`, or if a file cannot be written.

    Warns
    -----
    DOConvWarning
        If all of it is patched already; nothing is changed.
    """
    found = check(target)
    if len(found.paths("patched")) == len(found.content):
        warnings.warn(f"{target} is patched already; nothing was changed", DOConvWarning, stacklevel=2)
    _replace(found.root, found.content, found.patched)
    return check(target)


def revert(target: str | Path) -> list[str]:
    """Take out what :func:`apply` inserted; files are to the byte what they were, but for later edits.

    Returns
    -------
    The paths of the files that were patched.

    Raises
    ------
    DOConvError
        If ``target`` is neither a checkout nor a Python file, or if a file cannot be written.

    Warns
    -----
    DOConvWarning
        If none of it is patched; nothing is changed.
    """
    target = _settled(target)
    root = target.parent if target.is_file() else target
    paths = [target.name] if target.is_file() else [PACKAGE, *_scripts(target)]
    content = {path: _read(root, path) for path in paths if not _leads_out(root, path)}
    plain = {path: remove(found) for path, found in content.items() if marked_lines(found)}
    if not plain:
        warnings.warn(f"{target} is not patched; nothing was changed", DOConvWarning, stacklevel=2)
    _replace(root, content, plain)
    return list(plain)


def _settled(target: str | Path) -> Path:
    """A checkout or a script, without what a killed process had begun there."""
    path = Path(target)
    if path.is_file():
        path = path.resolve()  # whoever names a link means what it leads to
    settle(path.parent if path.is_file() else path)
    return path


def _scripts(checkout: Path) -> list[str]:
    """The paths of the Python files below ``scripts``."""
    if not (checkout / PACKAGE).is_file():
        raise DOConvError(f"{checkout} is neither a Python file nor a checkout of GluonCV: it has no {PACKAGE}")
    return [path.relative_to(checkout).as_posix() for path in sorted(checkout.glob("scripts/**/*.py"))]


def _examine(root: Path, places: Mapping[str, Place], left: Mapping[str, str]) -> Patching:
    content = {path: _read(root, path) for path in places}
    plain = {path: remove(content[path]) for path in places}
    patched: dict[str, bytes] = {}
    problems: list[str] = []
    for path, place in places.items():
        try:
            patched[path] = insert(plain[path], place(plain[path]))
        except DOConvError as error:
            problems.append(f"{root / path}: {error}")
    if problems:
        count = f"{len(problems)} of {len(places)} files cannot be patched; nothing was changed"
        raise DOConvError("\n  ".join([count, *problems]))
    return Patching(root, content, plain, patched, left)


def _reason_to_leave(checkout: Path, name: str) -> str | None:
    """Say why a script of GluonCV's is left alone; None if it is one to patch."""
    if _leads_out(checkout, name):
        return "is a link out of the checkout"
    content = _read(checkout, name)
    if name.startswith(PREPARE_DATA):
        return "prepares data"
    if not any(word.encode() + b"(" in content for word in placement.PARSING):
        return "has no options of its own; GLUON_DOCONV=1 in the environment reaches it"
    return "is PyTorch's" if _is_torch(content) else None


def _is_torch(content: bytes) -> bool:
    try:
        return any("torch" in imported(top) for top in parse(content).body)
    except DOConvError:  # is named when its lines are to be placed
        return False


def _leads_out(root: Path, path: str) -> bool:
    """Whether a file below ``root`` is a link to one that is not."""
    return root.resolve() not in (root / path).resolve().parents


def _read(root: Path, path: str) -> bytes:
    if _leads_out(root, path):
        raise DOConvError(f"{root / path} is a link out of {root}, and none is followed")
    return read_bytes(root / path)


def _replace(root: Path, content: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> None:
    """Give files that have this ``content`` the ``wanted`` one: all of them, or none."""
    changes = {root / path: [new] for path, new in wanted.items() if new != content[path]}
    try:
        write_files(changes, below=root)
    except DOConvError as error:
        raise DOConvError(f"{error}; every file of {root} is as it was") from error

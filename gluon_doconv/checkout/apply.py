"""Patches for GluonCV checkouts: recognised by content, applied and reverted to the byte.

``PATCHES/VERSION/gluoncv.patch`` is a unified diff that only inserts lines and has no context lines, so that it
holds nothing of GluonCV's text. ``gluoncv.sha256`` beside it names, as ``sha256sum`` does, every file that it
touches and the content that the file has upstream.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import warnings
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Mapping, Sequence

from ..errors import DOConvError, DOConvWarning
from ..files.atomic import atomic

_PACKAGE = Path(__file__).resolve().parents[1]
# Installed, they are in the package; in this project's own checkout, beside it.
PATCHES = _PACKAGE / "patches" if (_PACKAGE / "patches").is_dir() else _PACKAGE.parent / "patches"

_FILE = re.compile(rb"\+\+\+ b/(.+)\n")
_HUNK = re.compile(rb"@@ -(\d+),0 \+\d+(?:,(\d+))? @@\n")


@dataclass(frozen=True)
class Insertion:
    """New ``lines`` behind the first ``after`` lines of a file."""

    after: int
    lines: tuple[bytes, ...]


@dataclass(frozen=True)
class Version:
    """A version of GluonCV: what to insert into its files, and the SHA-256 they have before that."""

    name: str
    insertions: Mapping[str, Sequence[Insertion]]
    sha256: Mapping[str, str]

    def upstream(self, path: str, content: bytes) -> bytes | None:
        """What the file at ``path`` is without the patch; None if ``content`` is neither that nor patched."""
        for candidate in (content, remove(content, self.insertions[path])):
            if candidate is not None and hashlib.sha256(candidate).hexdigest() == self.sha256[path]:
                return candidate
        return None


@dataclass(frozen=True)
class Checkout:
    """A checkout of a known version: the content of each file as it is, and as it is upstream."""

    root: Path
    version: Version
    content: Mapping[str, bytes]
    upstream: Mapping[str, bytes]

    @property
    def patched(self) -> list[str]:
        """Paths of the files that are patched."""
        return [path for path in self.content if self.content[path] != self.upstream[path]]

    @property
    def unpatched(self) -> list[str]:
        """Paths of the files that are as they are upstream."""
        return [path for path in self.content if self.content[path] == self.upstream[path]]

    def __str__(self) -> str:
        count = f"{len(self.patched)} of {len(self.content)} files"
        return f"{self.root}: GluonCV {self.version.name}, {count} patched"


def versions(patches: Path = PATCHES) -> list[Version]:
    """The versions that there are patches for."""
    return [_read_version(path.parent) for path in sorted(patches.glob("*/gluoncv.patch"))]


def check(root: str | Path, patches: Path = PATCHES) -> Checkout:
    """Recognise the version of a checkout by its content, and tell which of its files are patched.

    Raises
    ------
    DOConvError
        If it is none of the known versions, patched or not; the message lists them, nearest first, and the
        files that differ.
    """
    root = Path(root)
    if not (root / "gluoncv" / "__init__.py").is_file():
        raise DOConvError(f"{root} is not a checkout of GluonCV: there is no gluoncv/__init__.py in it")
    known = versions(patches)
    differences = {version.name: _differences(root, version) for version in known}
    for version in known:
        if not differences[version.name]:
            content = {path: (root / path).read_bytes() for path in version.insertions}
            upstream = {path: version.upstream(path, content[path]) or b"" for path in content}
            return Checkout(root, version, content, upstream)
    listed = sorted(differences.items(), key=lambda item: len(item[1]))
    raise DOConvError(
        f"{root} is none of the versions of GluonCV that there is a patch for; nothing was changed. They are:\n"
        + "\n".join(f"  {name}: here {', '.join(found)}" for name, found in listed)
    )


def apply(root: str | Path, patches: Path = PATCHES) -> Checkout:
    """Patch a checkout, or what of it is not patched yet. A failure leaves every file as it was.

    Raises
    ------
    DOConvError
        If its version is not known (see :func:`check`), or if a file cannot be written.

    Warns
    -----
    DOConvWarning
        If it is patched already; nothing is changed.
    """
    found = check(root, patches)
    if not found.unpatched:
        warnings.warn(f"{root} is patched already; nothing was changed", DOConvWarning, stacklevel=2)
        return found
    insertions = found.version.insertions
    _replace(found, {path: insert(found.upstream[path], insertions[path]) for path in found.unpatched})
    return check(root, patches)


def revert(root: str | Path, patches: Path = PATCHES) -> Checkout:
    """Undo :func:`apply`: every file is to the byte what it is upstream. A failure leaves every file as it was.

    Raises
    ------
    DOConvError
        If its version is not known (see :func:`check`), or if a file cannot be written.

    Warns
    -----
    DOConvWarning
        If it is not patched; nothing is changed.
    """
    found = check(root, patches)
    if not found.patched:
        warnings.warn(f"{root} is not patched; nothing was changed", DOConvWarning, stacklevel=2)
        return found
    _replace(found, {path: found.upstream[path] for path in found.patched})
    return check(root, patches)


def parse(patch: bytes) -> dict[str, list[Insertion]]:
    """The insertions of an insert-only unified diff without context lines, by file.

    Raises
    ------
    DOConvError
        If it is anything else.
    """
    files: dict[str, list[Insertion]] = {}
    lines = enumerate(_lines(patch), 1)
    path = ""
    for number, line in lines:
        file, hunk = _FILE.fullmatch(line), _HUNK.fullmatch(line)
        if file:
            path = file.group(1).decode()
        elif hunk and path:
            count = int(hunk.group(2) or 1)
            inserted = [text for _, text in islice(lines, count) if re.fullmatch(rb"\+.*\n", text)]
            if len(inserted) != count:
                raise DOConvError(f"line {number} of the patch begins a hunk that does more than insert lines")
            insertion = Insertion(int(hunk.group(1)), tuple(text[1:] for text in inserted))
            files.setdefault(path, []).append(insertion)
        elif not line.startswith(b"--- a/"):
            raise DOConvError(f"line {number} of the patch is not of an insert-only diff: {line!r}")
    return files


def insert(content: bytes, insertions: Sequence[Insertion]) -> bytes:
    """``content`` with every insertion, which are in the order of the file.

    Raises
    ------
    DOConvError
        If ``content`` is too short.
    """
    lines = _lines(content)
    for insertion in reversed(insertions):
        if sum(line.endswith(b"\n") for line in lines[: insertion.after]) < insertion.after:
            raise DOConvError(f"there is no line {insertion.after} that is whole, to insert behind")
        lines[insertion.after : insertion.after] = insertion.lines
    return b"".join(lines)


def remove(content: bytes, insertions: Sequence[Insertion]) -> bytes | None:
    """Undo :func:`insert`; None if the insertions are not all in ``content``."""
    lines = _lines(content)
    for insertion in insertions:
        inserted = slice(insertion.after, insertion.after + len(insertion.lines))
        if tuple(lines[inserted]) != insertion.lines:
            return None
        del lines[inserted]
    return b"".join(lines)


def _lines(content: bytes) -> list[bytes]:
    return io.BytesIO(content).readlines()  # unlike splitlines, leaves a carriage return where it is


def _read_version(folder: Path) -> Version:
    insertions = parse((folder / "gluoncv.patch").read_bytes())
    sums = (line.split(maxsplit=1) for line in (folder / "gluoncv.sha256").read_text().splitlines())
    sha256 = {path: digest for digest, path in sums}
    if insertions.keys() != sha256.keys():
        raise DOConvError(f"{folder}: gluoncv.patch and gluoncv.sha256 do not name the same files")
    return Version(folder.name, insertions, sha256)


def _differences(root: Path, version: Version) -> list[str]:
    """Which files are not those of ``version``, patched or not."""
    found = []
    for path in version.insertions:
        if not (root / path).is_file():
            found.append(f"{path} is missing")
        elif version.upstream(path, (root / path).read_bytes()) is None:
            found.append(f"{path} differs")
    return found


def _replace(checkout: Checkout, contents: Mapping[str, bytes]) -> None:
    """Give files new contents: all of them, or none."""
    try:
        _write(checkout.root, contents)
    except BaseException as error:
        root, old = checkout.root, checkout.content
        _write(root, {path: old[path] for path in contents if (root / path).read_bytes() != old[path]})
        if isinstance(error, OSError):
            raise DOConvError(f"{error}; every file of {root} is as it was") from error
        raise


def _write(root: Path, contents: Mapping[str, bytes]) -> None:
    """Write every file beside the one it replaces, then replace one after the other."""
    targets = [(root / path).resolve() for path in contents]
    with atomic(*targets) as temporaries:
        for temporary, target, content in zip(temporaries, targets, contents.values()):
            Path(temporary).write_bytes(content)
            shutil.copymode(target, temporary)

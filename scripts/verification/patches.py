"""Write the patches of GluonCV's released versions: what ``gluon-doconv patch apply`` does to each, as a diff.

A diff only inserts lines and has no context lines, so it holds nothing of GluonCV's text. ``gluoncv.sha256``
names the content of each file that it is for.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Mapping

from gluon_doconv.checkout import placement
from gluon_doconv.checkout.apply import check
from gluon_doconv.checkout.insertion import insert, is_marked

PATCHES = Path(__file__).resolve().parents[2] / "patches"
VERSIONS = {
    "0.6.0": "v0.6.0",
    "0.7.0": "v0.7.0",
    "0.7.0-bbe41662": "bbe41662",
    "0.8.0": "v0.8.0",
    "0.9.0": "v0.9.0",
    "0.10.0": "v0.10.0",
    "0.11.0-56777561": "56777561",
}
FILES = ("gluoncv/__init__.py", "scripts")


def make(clone: Path, revision: str) -> dict[str, bytes]:
    """Make the diff and the checksums of one revision, by file name."""
    with TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "-C", str(clone), "archive", revision, *FILES], check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder)
        found = check(folder)
    return {"gluoncv.patch": diff(found.patched), "gluoncv.sha256": checksums(found.plain)}


def checksums(plain: Mapping[str, bytes]) -> bytes:
    """Write, as ``sha256sum`` does, which content each file has."""
    return "".join(
        f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in plain.items()
    ).encode()


def patched_package(content: bytes) -> bytes:
    """Patch a ``gluoncv/__init__.py``."""
    return insert(content, placement.of_package(content))


def diff(patched: Mapping[str, bytes]) -> bytes:
    """Write, as ``git diff -U0`` does, what was inserted into files."""
    lines: list[bytes] = []
    for path, content in patched.items():
        lines.append(f"--- a/{path}\n+++ b/{path}\n".encode())
        lines += _hunks(io.BytesIO(content).readlines())
    return b"".join(lines)


def _hunks(lines: list[bytes]) -> list[bytes]:
    """The hunks of one patched file, each of which inserts a run of marked lines."""
    hunks: list[bytes] = []
    marked: list[bytes] = []
    plain = 0
    for number, line in enumerate([*lines, b""], 1):
        if is_marked(line):
            marked.append(line)
            continue
        if marked:
            count = f",{len(marked)}" if len(marked) > 1 else ""
            hunks.append(f"@@ -{plain},0 +{number - len(marked)}{count} @@\n".encode())
            hunks += [b"+" + text for text in marked]
            marked = []
        plain += 1
    return hunks


def main() -> None:
    """Write every patch, from the clone named on the command line."""
    for name, revision in VERSIONS.items():
        (PATCHES / name).mkdir(exist_ok=True)
        for file, content in make(Path(sys.argv[1]), revision).items():
            (PATCHES / name / file).write_bytes(content)
        print(f"{name}: {(PATCHES / name / 'gluoncv.patch').read_bytes().count(b'+++ ')} files")


if __name__ == "__main__":
    main()

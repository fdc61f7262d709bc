"""Compile ``compose.cc`` against the MXNet that is installed: once for a user, a kind of machine and a version.

Nothing here imports MXNet.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

from ..disk.transaction import transaction
from ..errors import DOConvError
from ..version import __version__

HERE = Path(__file__).parent
OPTIONS = ("-std=c++14", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")
SECONDS = 300  # after which a compiler is given up
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class UnavailableError(Exception):
    """Why there is no operator: its text is half a sentence."""


def library() -> Path:
    """Return the compiled library, which is compiled now if this user has none for this machine yet.

    Raises
    ------
    UnavailableError
        If there is no compiler or it fails, or if others could write where the library is kept.
    """
    mxnet = _folder_of_mxnet()
    sources = [HERE / "compose.cc", mxnet / "src" / "lib_api.cc"]
    headers = [HERE / "composition.h", mxnet / "include" / "mxnet" / "lib_api.h"]
    try:
        key = _key([*sources, *headers])
        path = _own(_cache()) / f"compose-{__version__}-{key}.so"
        if not path.exists():
            _compile(sources, mxnet / "include", path)
        return _own(path)
    except (OSError, RuntimeError, DOConvError) as error:  # RuntimeError: this user has no home folder
        raise UnavailableError(str(error)) from error


def _folder_of_mxnet() -> Path:
    spec = find_spec("mxnet")
    if spec is None or not spec.origin:
        raise UnavailableError("MXNet is not installed")
    return Path(spec.origin).parent


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root, "gluon_doconv")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _own(path: Path) -> Path:
    """Pass on a path that only this user can write: what is loaded from it runs as this user."""
    status = path.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & OTHERS_WRITE or stat.S_ISLNK(status.st_mode):
        raise UnavailableError(f"{path} does not belong to this user alone")
    return path


def _key(files: list[Path]) -> str:
    """Name what a library depends on: sources, compiler, and the machine whose instructions it is made of."""
    parts = [*(file.read_bytes() for file in files), repr((_compiler(), OPTIONS, _processor())).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _processor() -> tuple[str, str]:
    """Return the architecture and the instruction sets, as Linux lists them."""
    lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    return platform.machine(), next(
        (line for line in lines if line.lower().startswith(("flags", "features"))), ""
    )


def _compiler() -> list[str]:
    chosen = shlex.split(os.environ.get("CXX", ""))
    if chosen:
        return chosen
    found = shutil.which("g++") or shutil.which("c++")
    if found is None:
        raise UnavailableError("there is no C++ compiler (g++, c++ or $CXX)")
    return [found]


def _compile(sources: list[Path], include: Path, target: Path) -> None:
    """Write ``target`` in one step: of two processes that compile at once, the later replaces like by like."""
    with transaction(target.parent) as folder:
        made = folder / target.name
        command = [*_compiler(), *OPTIONS, f"-I{include}", *map(str, sources), "-o", str(made)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"{command[0]} took longer than {SECONDS} seconds") from error
        if done.returncode != 0:
            raise UnavailableError(f"{command[0]} failed: {_first_error(done.stderr)}")
        made.chmod(0o700)
        made.replace(target)


def _first_error(text: str) -> str:
    lines = text.strip().splitlines() or ["without a word"]
    return next((line for line in lines if "error" in line), lines[-1])

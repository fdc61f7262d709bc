"""Set up the virtual environment that scripts/quickstart and scripts/check share.

Prints what it does on standard error and, last, the environment's folder of programs on standard output.
Needs nothing but the standard library of a CPython 3.8 to 3.13.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
CONSTRAINTS = ROOT / "scripts" / "constraints" / f"py{VERSION.replace('.', '')}.txt"
VENV = ROOT / ".venv" / f"py{VERSION}"
VENV_PYTHON = VENV / "bin" / "python"
# Written when everything is installed: an environment without it was interrupted and is made anew.
STAMP = VENV / "complete"

# MXNet's wheel leaves these to the system: (library, its package on Debian and Ubuntu).
LIBRARIES = [("libgomp.so.1", "libgomp1"), ("libquadmath.so.0", "libquadmath0")]


def say(text: str) -> None:
    """Log the user something without mixing it into the output that the shell reads."""
    print(text, file=sys.stderr, flush=True)


def stop(text: str) -> NoReturn:
    """Say what is wrong and what to do, and give up."""
    say(f"\nset-up stopped: {text}")
    sys.exit(1)


def check_machine() -> None:
    """Stop where MXNet cannot run, before anything is downloaded."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) in {("Linux", "aarch64"), ("Darwin", "x86_64")}:
        say(f"Note: there is an MXNet 1.9.1 for {system} on {machine}, but only Linux x86-64 has been tested.")
    elif (system, machine) != ("Linux", "x86_64"):
        stop(
            f"MXNet 1.9.1 does not exist for {system} on {machine}. "
            "Use a Linux x86-64 machine, or a container or virtual machine of that kind."
        )
    if system == "Linux" and platform.libc_ver()[0] != "glibc":
        stop("MXNet's packages need a Linux with glibc (Debian, Ubuntu, Fedora ...), not musl (Alpine).")


def check_python() -> None:
    """Stop where this Python cannot make a virtual environment or lacks something MXNet needs."""
    if platform.python_implementation() != "CPython":
        stop(f"{sys.executable} is {platform.python_implementation()}; MXNet's dependencies need CPython.")
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            stop(
                f"this Python ({sys.executable}) has no module {module}. "
                f"On Debian and Ubuntu: apt-get install python{VERSION}-venv"
            )
    missing = [package for library, package in LIBRARIES if not loads(library)]
    if missing and platform.system() == "Linux":
        stop(
            "MXNet needs system libraries that are not installed here. "
            f"On Debian and Ubuntu: apt-get install {' '.join(missing)}"
        )
    if sys.version_info >= (3, 13):
        check_compiler()


def loads(library: str) -> bool:
    """Whether the system has this shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def check_compiler() -> None:
    """NumPy 1.26.4, the newest that MXNet's metadata admits, has no ready-made package for Python 3.13."""
    missing = [
        package
        for package, present in [
            ("gcc", shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")),
            ("g++", shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++")),
            (f"python{VERSION}-dev", Path(sysconfig.get_path("include"), "Python.h").exists()),
        ]
        if not present
    ]
    if missing:
        stop(
            f"on Python {VERSION}, NumPy 1.26 has to be compiled, and what that takes is not installed here. "
            f"On Debian and Ubuntu: apt-get install {' '.join(missing)}. "
            "Or choose an older Python, for which there is nothing to compile: PYTHON=python3.12"
        )


def fingerprint() -> str:
    """What a finished environment was made from, and where: scripts in it name their folder."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (ROOT / "setup.py", CONSTRAINTS, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_complete() -> bool:
    """Whether the environment is finished, up to date, and its interpreter still there."""
    return STAMP.exists() and STAMP.read_text() == fingerprint() and VENV_PYTHON.exists()


def pip_install(*arguments: str) -> None:
    """Run pip inside the environment, with the user's own pip settings."""
    # Doubly quiet: errors and failed connections still show.
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "-qq", "--no-user", "--disable-pip-version-check"]
    if subprocess.run([*pip, "-c", str(CONSTRAINTS), *arguments], stdout=sys.stderr, cwd=str(ROOT)).returncode:
        stop(
            "pip could not install the packages; its own message is above. If this machine cannot reach a "
            "package index directly, tell pip which to use (PIP_INDEX_URL, PIP_PROXY, PIP_FIND_LINKS or pip's "
            "configuration file) and run this again."
        )


def build() -> None:
    """Make the environment from nothing."""
    begin = time.monotonic()
    say(f"Setting up Python {platform.python_version()} in {VENV} (once; later runs use it again).")
    shutil.rmtree(VENV, ignore_errors=True)
    say("[1/4] creating the virtual environment and bringing pip up to date ...")
    if subprocess.run([sys.executable, "-m", "venv", str(VENV)], stdout=sys.stderr).returncode:
        stop(f"{sys.executable} could not create a virtual environment; its own message is above.")
    pip_install("--upgrade", "pip", "setuptools")
    if sys.version_info >= (3, 13):
        say("[1/4] compiling NumPy, which has no ready-made package here: three minutes on two idle cores ...")
        pip_install("numpy")
    say("[2/4] installing MXNet, GluonCV and the tools, about 300 MB to download, a minute or two ...")
    pip_install("--editable", ".[cpu,demo,test]")
    # GluonCV asks for opencv-python, which needs libGL of the system. The headless edition does not; it has the
    # same module, so installed after the other it takes its place.
    say("[3/4] replacing OpenCV by its edition without windows, about 50 MB ...")
    pip_install("--no-deps", "--force-reinstall", "opencv-python-headless")
    say("[4/4] importing MXNet, GluonCV, OpenCV and ONNX once ...")
    imports = "import gluon_doconv, mxnet, gluoncv, cv2, onnx, onnxruntime, mlxtend"
    if subprocess.run([str(VENV_PYTHON), "-c", imports], stdout=sys.stderr).returncode:
        stop("everything is installed, but importing it fails; Python's own message is above.")
    STAMP.write_text(fingerprint())
    say(f"The environment is ready after {time.monotonic() - begin:.0f} s.")


def main() -> None:
    """Build the environment where it is missing, interrupted or out of date; print where its programs are."""
    if not is_complete():
        check_machine()
        check_python()
        VENV.parent.mkdir(exist_ok=True)
        with (VENV.parent / f"py{VERSION}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("Waiting for another run that is setting up the same environment ...")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_complete():
                build()
    print(VENV / "bin")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("interrupted; the next run starts over.")

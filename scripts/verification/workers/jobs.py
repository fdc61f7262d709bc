"""A training with two workers on this machine, started and brought to its end."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ..processes import environment_with, error_line

SCRIPT = Path(__file__).with_name("training.py")
WORKERS = 2
LIMIT = 300  # seconds a job may take
REPEATABLE = {"MXNET_MKLDNN_ENABLED": "0"}  # with oneDNN a training repeated differs by rounding, stock or not


@dataclass(frozen=True)
class Mode:
    """A way of sharing gradients; ``synchronous`` if it promises every worker the same weights.

    ``needs`` is a package that gluon_doconv does not bring.
    """

    name: str
    arguments: tuple[str, ...]
    synchronous: bool = True
    needs: str = ""


MODES = (
    Mode("dist_sync, updated on the kvstore", ("--kvstore", "dist_sync")),
    Mode("dist_sync, updated on the workers", ("--kvstore", "dist_sync", "--update-on-worker")),
    Mode("dist_async", ("--kvstore", "dist_async"), synchronous=False),
    Mode("Horovod, gloo", ("--kvstore", "horovod"), needs="horovod"),
)


class JobError(Exception):
    """A worker did not end well."""


def run(mode: Mode, folder: Path, *arguments: str) -> None:
    """Run a job in ``folder``.

    Raises
    ------
    JobError
        As soon as one of its processes ends badly, with what it said; the others are ended.
    """
    words = [sys.executable, "-m", "gluon_doconv", "run", str(SCRIPT), *mode.arguments, *arguments]
    commands = _horovod(words) if mode.needs == "horovod" else _ps_lite(words)
    folder.mkdir(exist_ok=True)
    log = folder / "log.txt"
    with log.open("w") as output:
        processes = [
            subprocess.Popen(
                command,
                cwd=folder,
                env=environment_with(**REPEATABLE, **variables),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            for command, variables in commands
        ]
        try:
            problem = _wait(processes)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    if problem:
        raise JobError(f"{problem}: {error_line(log.read_text(errors='replace'))}")


def _wait(processes: list[subprocess.Popen[bytes]]) -> str:
    """Wait until all have ended or one has ended badly; what was wrong."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        codes = [process.poll() for process in processes]
        if any(codes):
            return f"a process ended with {next(filter(None, codes))}"
        if None not in codes:
            return ""
        time.sleep(0.1)
    return f"no end after {LIMIT} s"


def _horovod(words: list[str]) -> list[tuple[list[str], dict[str, str]]]:
    program = str(Path(sys.executable).with_name("horovodrun"))
    return [([program, "--gloo", "-np", str(WORKERS), "-H", f"localhost:{WORKERS}", *words], {})]


def _ps_lite(words: list[str]) -> list[tuple[list[str], dict[str, str]]]:
    shared = {
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "DMLC_PS_ROOT_PORT": str(_free_port()),
        "DMLC_NUM_WORKER": str(WORKERS),
        "DMLC_NUM_SERVER": "1",
    }
    served = [sys.executable, "-c", "import gluon_doconv, mxnet"]
    return [
        *((served, {**shared, "DMLC_ROLE": role}) for role in ("scheduler", "server")),
        *[(words, {**shared, "DMLC_ROLE": "worker"})] * WORKERS,
    ]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port

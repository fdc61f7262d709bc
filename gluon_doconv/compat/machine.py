"""What the machine has: processors, memory, disk, graphics cards."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

MEMORY = Path("/proc/meminfo")
QUERY = ("nvidia-smi", "--query-gpu=name,compute_cap,driver_version,memory.total", "--format=csv,noheader")
SECONDS = 30  # a driver that hangs is a finding, too


@dataclass(frozen=True)
class Card:
    """A graphics card; ``capability`` is its compute capability, such as (8, 0)."""

    name: str
    capability: tuple[int, int]
    driver: str
    memory: str

    def __str__(self) -> str:
        return f"{self.name}, sm_{self.capability[0]}{self.capability[1]}, {self.memory}, driver {self.driver}"


def processors() -> dict[str, str]:
    """Count the processors of the machine, and those this process may use."""
    may_use = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processors": str(os.cpu_count()), "processors this process may use": str(may_use)}


def memory() -> dict[str, str]:
    """Say how much memory there is, and how much a new process can have."""
    if not MEMORY.exists():
        return {}
    kibibytes = dict(re.findall(r"^(\w+): +(\d+) kB", MEMORY.read_text(), flags=re.MULTILINE))
    names = {"memory": "MemTotal", "memory free": "MemAvailable"}
    return {
        label: _gibibytes(1024 * int(kibibytes[name])) for label, name in names.items() if name in kibibytes
    }


def disk() -> dict[str, str]:
    """Say how much is free where checkpoints, pretrained files and temporary files go."""
    folders = {"working folder": ".", "home": os.path.expanduser("~"), "temporary files": tempfile.gettempdir()}
    return {
        f"disk free, {label}": _gibibytes(shutil.disk_usage(folder).free)
        for label, folder in folders.items()
        if os.path.isdir(folder)
    }


def cards() -> tuple[list[Card], str]:
    """Ask the driver for its cards.

    Returns
    -------
    The cards, and what stands in the way of knowing more: an empty text if nothing.
    """
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError:
        return [], "there is no nvidia-smi"
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi does not answer: {error}"
    lines = [line for line in (done.stdout or done.stderr).splitlines() if line.strip()]
    if done.returncode != 0:
        return [], lines[0] if lines else f"nvidia-smi ends with {done.returncode}"
    return _read(lines)


def _read(lines: list[str]) -> tuple[list[Card], str]:
    fields = [[field.strip() for field in line.split(",")] for line in lines]
    known = [row for row in fields if len(row) == 4 and re.fullmatch(r"\d+\.\d+", row[1])]
    found = [Card(name, _capability(text), driver, size) for name, text, driver, size in known]
    others = [line for line, row in zip(lines, fields) if row not in known]
    return found, "; ".join(others)


def _capability(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _gibibytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"

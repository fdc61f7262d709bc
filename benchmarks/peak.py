"""Peak resident memory of training a network, in a process that does nothing else (Linux)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import mxnet as mx
from networks import MEMORY, Workload, training_step

STEPS = 3


def peaks(workload: Workload, variant: str) -> dict[str, float]:
    """Megabytes at their peak, measured in a fresh process: after importing, and after a few steps."""
    command = [sys.executable, __file__, str(MEMORY.index(workload)), variant]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def peak_megabytes() -> float:
    """The most memory this process ever had resident.

    Not ``getrusage``: its ``ru_maxrss`` outlives ``exec``, so that a child inherits its parent's peak.
    """
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def main() -> None:
    """What :func:`peaks` runs."""
    imported = peak_megabytes()
    step = training_step(MEMORY[int(sys.argv[1])], sys.argv[2])
    for _ in range(STEPS):
        step()
        mx.nd.waitall()
    print(json.dumps({"import": imported, "step": peak_megabytes()}))


if __name__ == "__main__":
    main()

"""The threads MXNet computes with: by itself it takes half of the processors that it sees.

Where processors are whole cores, as on most rented machines, half of the machine would rest.
"""

from __future__ import annotations

import os
import sys
from typing import Mapping

from loky import cpu_count

NAME = "physical-cores"
VARIABLE = "MXNET_OMP_MAX_THREADS"  # MXNet reads it when it is loaded
CHOICES = ("OMP_NUM_THREADS", VARIABLE)  # by which a person says how many
LOCAL_WORKERS = ("HOROVOD_LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")


def use_physical_cores() -> int | None:
    """Have MXNet compute with every physical core this process may use; call it before MXNet is imported.

    Counted by loky: the machine's cores without hyper-threading, the process's affinity, its container's share.
    Workers that Horovod or MPI have started on this machine divide them.

    Returns
    -------
    The number of threads; None where MXNet is loaded already or a person has chosen a number.
    """
    if "mxnet" in sys.modules or any(name in os.environ for name in CHOICES):
        return None
    threads = max(1, cpu_count(only_physical_cores=True) // local_workers(os.environ))
    os.environ[VARIABLE] = str(threads)
    return threads


def local_workers(environment: Mapping[str, str]) -> int:
    """Count the workers on this machine, as what started them says in the environment."""
    said = (environment.get(name, "") for name in LOCAL_WORKERS)
    return next((int(number) for number in said if number.isdecimal() and int(number)), 1)

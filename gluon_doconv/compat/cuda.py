"""The CUDA libraries of ``pip install gluon_doconv[cu112]``, where MXNet's loader finds them.

They lie in ``site-packages/nvidia``, which no loader searches. Loaded beforehand, each is found by its name.
"""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

DISTRIBUTION = "mxnet-cu112"
ARCHITECTURES = ((5, 0), (6, 0), (7, 0), (8, 0), (8, 6))  # that MXNet 1.9.1 for CUDA 11 has machine code for

# In an order in which each finds the ones it needs.
LIBRARIES = (
    "cuda_runtime/lib/libcudart.so.11.0",
    "nvtx/lib/libnvToolsExt.so.1",
    "cuda_nvrtc/lib/libnvrtc.so.11.2",
    "cublas/lib/libcublasLt.so.11",
    "cublas/lib/libcublas.so.11",
    "cufft/lib/libcufft.so.10",
    "curand/lib/libcurand.so.10",
    "cusolver/lib/libcusolver.so.11",
    "nccl/lib/libnccl.so.2",
    "cudnn/lib/libcudnn.so.8",
)


def preload() -> list[str]:
    """Load what is installed of :data:`LIBRARIES`, if MXNet is the one that needs them; return their paths."""
    spec = importlib.util.find_spec("nvidia")
    if spec is None or not _is_installed(DISTRIBUTION):
        return []
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    present = [folder / library for library in LIBRARIES for folder in folders if (folder / library).is_file()]
    for path in present:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    return [str(path) for path in present]


def _is_installed(distribution: str) -> bool:
    from importlib import metadata  # slow to import, and few have such libraries

    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def has_code_for(capability: tuple[int, int]) -> bool:
    """Say whether MXNet for CUDA 11 runs on a card of this compute capability, such as (8, 6).

    Machine code runs on its own generation, from its own minor version on; there is no PTX to compile
    for others.
    """
    return any(capability[0] == major and capability[1] >= minor for major, minor in ARCHITECTURES)

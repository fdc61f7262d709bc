"""What anybody would ask of a person who reports a fault, asked of the machine."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Iterable, Mapping

from ..version import __version__
from . import cuda, machine
from .privacy import shareable

# Whatever MXNet, GluonCV or one of the extras is made of.
DISTRIBUTIONS = [
    "gluoncv",
    "numpy",
    "setuptools",
    "click",
    "scipy",
    "pandas",
    "pillow",
    "opencv-python",
    "opencv-python-headless",
    "matplotlib",
    "scikit-image",
    "pycocotools",
    "mlxtend",
    "autocfg",
    "onnx",
    "onnxruntime",
    "protobuf",
    "tensorboardX",
    "horovod",
]
VARIABLES = ("GLUON_DOCONV", "MXNET_", "OMP_", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
NEWEST_ONNX = (1, 18)  # whose onnx.mapping MXNet's exporter imports

Facts = Mapping[str, str]


@dataclass(frozen=True)
class Diagnosis:
    """What was found, by section, and what is wrong, a sentence each. Print it."""

    sections: Mapping[str, Facts]
    faults: tuple[str, ...]

    def __str__(self) -> str:
        lines = []
        for title, facts in self.sections.items():
            width = max(map(len, facts), default=0)
            lines += [title, *(f"  {name:{width}}  {value}" for name, value in facts.items()), ""]
        return "\n".join([*lines, *(self.faults or ["Nothing is wrong that could be seen from here."])])

    def to_json(self) -> str:
        """Write the same for machines."""
        return json.dumps({"sections": self.sections, "faults": self.faults}, indent=2)


def examine() -> Diagnosis:
    """Look at what is installed and at the machine; import MXNet in a process of its own.

    Nothing private is said: no names of users and hosts, and paths from the home folder on only.
    """
    installed = versions()
    mxnets = [name for name in installed if name.startswith("mxnet")]
    probed, import_faults = _probe(mxnets)
    devices, obstacle = machine.cards()
    for_cuda = [name for name in mxnets if name.startswith("mxnet-cu")]
    libraries = _cuda_libraries() if cuda.DISTRIBUTION in mxnets else {}
    sections = {
        "Versions": installed,
        "MXNet and GluonCV": probed,
        "Machine": {**machine.processors(), **machine.memory(), **machine.disk()},
        "Graphics cards": {
            **{f"card {number}": str(card) for number, card in enumerate(devices)},
            **({"driver": obstacle} if obstacle else {}),
            **libraries,
        },
        "Environment": {name: os.environ[name] for name in sorted(os.environ) if name.startswith(VARIABLES)},
    }
    faults = [
        *import_faults,
        *_too_many(mxnets),
        *_onnx_faults(installed),
        *(_card_faults(devices) if for_cuda else ()),
        *(f"{name} is not found: pip install 'gluon_doconv[cu112]'" for name in _missing(libraries)),
    ]
    return Diagnosis(
        {title: {name: shareable(value) for name, value in facts.items()} for title, facts in sections.items()},
        tuple(map(shareable, faults)),
    )


def versions() -> dict[str, str]:
    """Tell the versions of Python, the system, and of what is installed of MXNet, GluonCV and the extras."""
    found = {"Python": platform.python_version(), "system": platform.platform(), "gluon_doconv": __version__}
    mxnets = sorted({_name(one) for one in metadata.distributions() if _name(one).startswith("mxnet")})
    for name in [*mxnets, *DISTRIBUTIONS]:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _name(distribution: metadata.Distribution) -> str:
    return (distribution.metadata["Name"] or "").lower()


def _probe(mxnets: list[str]) -> tuple[Facts, list[str]]:
    """Return what importing MXNet and GluonCV tells, and what is wrong with them."""
    if not mxnets:
        return {}, ["MXNet is not installed: pip install 'gluon_doconv[cpu]', or [cu112] for CUDA."]
    done = subprocess.run(
        [sys.executable, "-m", "gluon_doconv.compat.probe"], capture_output=True, text=True, errors="replace"
    )
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    if done.returncode < 0:
        return {}, [f"Importing MXNet or GluonCV ends the process by {signal.Signals(-done.returncode).name}."]
    if done.returncode > 0 or not lines:
        return {}, [f"Importing MXNet or GluonCV fails: {lines[-1] if lines else 'without a word'}"]
    said: dict[str, Any] = json.loads(lines[-1])
    return said["facts"], [f"import {module} fails: {text}" for module, text in said["errors"].items()]


def _cuda_libraries() -> dict[str, str]:
    """Say of each library that MXNet for CUDA needs whether the loader finds it."""
    cuda.preload()
    names = ["libcuda.so.1", *(path.rsplit("/", 1)[-1] for path in cuda.LIBRARIES)]
    return {name: "found" if _loads(name) else "not found" for name in names}


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _missing(libraries: Facts) -> list[str]:
    return [name for name, state in libraries.items() if state != "found" and name != "libcuda.so.1"]


def _too_many(mxnets: list[str]) -> Iterable[str]:
    if len(mxnets) > 1:
        yield f"{' and '.join(mxnets)} are installed over each other: uninstall all, and install one."


def _onnx_faults(installed: Facts) -> Iterable[str]:
    number = installed["onnx"].split(".")[:2]
    if all(part.isdecimal() for part in number) and tuple(map(int, number)) > NEWEST_ONNX:
        yield f"onnx {installed['onnx']} is too new for MXNet's exporter: pip install 'gluon_doconv[onnx]'"


def _card_faults(devices: list[machine.Card]) -> Iterable[str]:
    for card in devices:
        if not cuda.has_code_for(card.capability):
            yield f"This MXNet has no code for {card}."

"""Packaging of gluon_doconv."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent


def version() -> str:
    """The version, read without importing the package: importing it needs MXNet."""
    text = (HERE / "gluon_doconv" / "version.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"', text, flags=re.MULTILINE)
    if match is None:
        raise RuntimeError("gluon_doconv/version.py does not say __version__")
    return match.group(1)


def long_description() -> str:
    """The README, where there is one."""
    readme = HERE / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


INSTALL_REQUIRES = [
    # The last release is 0.10.5.post0; upstream's newest commit, nearly the same code, calls itself 0.11.0.
    "gluoncv>=0.7.0,<0.12",
    # MXNet's own metadata asks for NumPy below 2; NumPy 2 works where MXNet is installed with --no-deps.
    "numpy>=1.21.6,<3",
    # distutils, which MXNet imports, left the standard library in Python 3.12.
    'setuptools>=66.1; python_version >= "3.12"',
    "click>=8.0",
    "lazy-loader>=0.4",
    "loky>=3.4",
    "tabulate>=0.9",
    "tqdm>=4.40",
]

CPU = ["mxnet==1.9.1"]

# MXNet for CUDA 11.2 and the NVIDIA libraries it looks for; of the system it only needs the driver.
CU112 = [
    "mxnet-cu112==1.9.1",
    "nvidia-cublas-cu11==11.11.3.6",
    "nvidia-cuda-nvrtc-cu11==11.8.89",
    "nvidia-cuda-runtime-cu11==11.8.89",
    "nvidia-cudnn-cu11==8.9.6.50",
    "nvidia-cufft-cu11==10.9.0.58",
    "nvidia-curand-cu11==10.3.0.86",
    "nvidia-cusolver-cu11==11.4.1.48",
    "nvidia-nccl-cu11==2.21.5",
    "nvidia-nvtx-cu11==11.8.86",
]

# MXNet's exporter imports onnx.mapping, which onnx 1.19 removed. The newest onnxruntime for Python 3.8 and 3.9
# does not read what onnx 1.18 writes.
ONNX = [
    'onnx>=1.13.1,<=1.17.0; python_version < "3.10"',
    'onnx>=1.13.1,<=1.18.0; python_version >= "3.10"',
    "onnxruntime>=1.14",
]

# Horovod is compiled against the installed MXNet and NumPy: see the README.
HOROVOD = ["horovod==0.28.1", "cffi>=1.4.0", "cloudpickle", "packaging", "psutil", "PyYAML"]

DEMO = [
    "mlxtend>=0.19",
    "matplotlib>=3.5",
    "pillow>=9.1",
    "scikit-image>=0.19",
    "pycocotools>=2.0.7",
    "jinja2>=3.1",
    "markdown-it-py>=2.2",
    *ONNX,
]

TENSORBOARD = ["tensorboardX>=2.6"]

DOCS = [
    "sphinx>=8.1,<10",
    "myst-nb>=1.3,<2",
    "numpydoc>=1.8,<2",
    "pydata-sphinx-theme>=0.16,<1",
    "sphinx-click>=6,<7",
    *DEMO,
]

TEST = [
    "pytest>=7.0",
    "pytest-cov>=5.0",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "ipykernel>=6.0",
    "nbclient>=0.7",
    'import-linter>=2.6; python_version >= "3.10"',
    "ruff==0.17.6",
    "uv>=0.5",
    "mypy>=1.14",
    "build>=1.0",
    "twine>=5.0",
    *DEMO,
    *TENSORBOARD,
]

setup(
    name="gluon_doconv",
    version=version(),
    description="Train any GluonCV model with DO-Conv, and deploy it as an ordinary network",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["gluon_doconv", "gluon_doconv.*"]),
    package_data={
        "gluon_doconv": ["*.pyi", "py.typed"],
        "gluon_doconv.lab.report": ["*.html"],
        "gluon_doconv.native": ["*.cc", "*.h"],
    },
    python_requires=">=3.8",
    install_requires=INSTALL_REQUIRES,
    extras_require={
        "cpu": CPU,
        "cu112": CU112,
        "onnx": ONNX,
        "horovod": HOROVOD,
        "demo": DEMO,
        "tensorboard": TENSORBOARD,
        "docs": DOCS,
        "test": TEST,
    },
    entry_points={"console_scripts": ["gluon-doconv = gluon_doconv.__main__:start"]},
    classifiers=[
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)

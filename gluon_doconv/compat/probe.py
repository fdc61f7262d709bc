"""Import MXNet and GluonCV and say what came of it, as one line of JSON.

Run in a process of its own (``python -m gluon_doconv.compat.probe``), which an import may end.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, Callable

from . import numpy_names


def probe() -> dict[str, Any]:
    """Import one after the other, and collect facts as far as that goes.

    Returns
    -------
    ``errors``: by module, the last line of what its import raised; ``facts``: texts by name
    """
    facts: dict[str, str] = {}
    errors: dict[str, str] = {}
    steps: tuple[tuple[str, Callable[[], dict[str, str]]], ...] = (
        ("mxnet", _mxnet),
        ("gluoncv", _gluoncv),
        ("gluon_doconv.compat.workarounds", _workarounds),
    )
    for module, collect in steps:
        try:
            import_module(module)
            facts.update(collect())
        except Exception as error:  # whatever an import raises is what is asked for here
            errors[module] = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[-1]}"
            break
    facts["NumPy names given back"] = ", ".join(numpy_names.added) or "none"
    return {"facts": facts, "errors": errors}


def _mxnet() -> dict[str, str]:
    import mxnet as mx

    from ..native.operator import in_force

    features = mx.runtime.feature_list()
    return {
        "MXNet is in": mx.__path__[0],
        "MXNet was built with": ", ".join(feature.name for feature in features if feature.enabled),
        "threads MXNet computes with": _openmp_threads(mx.base._LIB),
        "graphics cards MXNet sees": str(mx.context.num_gpus()),
        "kernels are composed on a CPU by": in_force(),
    }


def _openmp_threads(library: Any) -> str:
    try:
        return str(library.omp_get_max_threads())
    except AttributeError:  # built without OpenMP
        return "not known"


def _gluoncv() -> dict[str, str]:
    import distutils

    return {"distutils is in": distutils.__path__[0]}


def _workarounds() -> dict[str, str]:
    from .workarounds import WORKAROUNDS

    return {"workarounds of gluon-doconv run": ", ".join(workaround.name for workaround in WORKAROUNDS)}


if __name__ == "__main__":
    print(json.dumps(probe()))

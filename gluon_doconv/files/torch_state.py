"""Checkpoints of PyTorch: the state dict in them, as NumPy arrays. No code that a file may hold is run."""

from __future__ import annotations

import os
from inspect import signature
from pickle import UnpicklingError
from typing import Any, Mapping

import numpy as np

from ..core.kernel import Array
from ..errors import DOConvError, describe

DEEPEST = 4  # mappings within each other, as trainings save them
STATE_DICTS = ("state_dict", "model_state_dict", "model", "net")  # what people call it in a training checkpoint


def read_state_dict(source: str | os.PathLike[str] | Mapping[str, Any]) -> dict[str, Array]:
    """Read the arrays of a network, by name, from a checkpoint or a file of one.

    Raises
    ------
    DOConvError
        If there is no such file, if it cannot be read without running code from it, or if there is no state
        dict.
    """
    found = source if isinstance(source, Mapping) else _load_with_torch(source)
    return {name: _on_cpu(name, value) for name, value in _state_dict(found, DEEPEST).items()}


def _state_dict(found: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
    """Find the state dict in what a training has saved: ``found`` itself, or one of the mappings it holds."""
    if _is_state_dict(found):
        return found
    if not depth:
        raise DOConvError(f"a state dict holds arrays by name; in {DEEPEST} mappings within each other is none")
    nested = {name: value for name, value in found.items() if isinstance(value, Mapping)}
    known = [value for name, value in nested.items() if name in STATE_DICTS]
    candidates = known or [value for value in nested.values() if _is_state_dict(value)]
    if len(candidates) != 1:
        held = ", ".join(map(str, found)) or "nothing"
        raise DOConvError(
            f"a state dict holds arrays by name, and the checkpoint holds {held}, of which "
            f"{'several may be' if candidates else 'none is'} one: give that one itself"
        )
    return _state_dict(candidates[0], depth - 1)


def _is_state_dict(found: Mapping[str, Any]) -> bool:
    return bool(found) and all(isinstance(name, str) and hasattr(found[name], "shape") for name in found)


def _on_cpu(name: str, value: Any) -> Array:
    """Take the values of a tensor on any device, or an array as it is."""
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except TypeError as error:  # NumPy has not every dtype of PyTorch
        raise DOConvError(f"{name}: {error}; convert the network to float32 first") from error
    if array.dtype.kind not in "fiub":
        raise DOConvError(f"{name} is {array.dtype.name}: a network holds real numbers")
    return array


def _load_with_torch(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Read a file of PyTorch without running the code that a pickle may hold."""
    if not os.path.isfile(path):
        raise DOConvError(f"{path}: there is no such file")
    try:
        import torch
    except ImportError as error:
        raise DOConvError(f"{path} is a PyTorch file: reading it needs PyTorch installed") from error
    if "weights_only" not in signature(torch.load).parameters:
        raise DOConvError(
            f"{path}: PyTorch {torch.__version__} cannot read a file without running code that it may hold; "
            "install PyTorch 1.13 or later, or give the state dict itself"
        )
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise DOConvError(
            f"{path} is damaged, or holds more than arrays and numbers, which only code in it could make; save "
            f"model.state_dict() alone. PyTorch says: {str(error).splitlines()[0]}"
        ) from error
    if not isinstance(found, Mapping):
        raise DOConvError(f"{path} holds {describe(found)} where a state dict is wanted")
    return found

"""PyTorch's checkpoints: the state dict is found wherever people put it, and no file's code is run."""

import pickle
import sys
import types

from gluon_doconv import DOConvError
from gluon_doconv.files.torch_state import read_state_dict

import numpy as np
import pytest

ARRAYS = {"conv.W": np.arange(24.0).reshape((2, 3, 4)), "conv.D": np.ones((3, 4, 4)), "bn.weight": np.ones(2)}


CHECKPOINTS = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"epoch": 3, "state_dict": state, "best": 71.2, "arch": "resnet"},
    "model": lambda state: {
        "model": state,
        "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]},
    },
    "net": lambda state: {"net": state, "acc": 93.1, "epoch": 199},
    "model_state_dict": lambda state: {"model_state_dict": state, "optimizer_state_dict": {"state": {}}},
    "nested": lambda state: {"model": {"state_dict": state, "step": 1}},
    "another name": lambda state: {"generator": state, "iterations": 7},
    "averages beside it": lambda state: {"state_dict": state, "ema": dict.fromkeys(state, np.zeros(3))},
}


@pytest.mark.parametrize("prefix", ["", "module.", "module.module.", "_orig_mod.", "model."])
@pytest.mark.parametrize("checkpoint", CHECKPOINTS.values(), ids=CHECKPOINTS.keys())
def test_a_state_dict_is_found_in_a_checkpoint(checkpoint, prefix):
    state = {f"{prefix}{name}": value for name, value in ARRAYS.items()}
    found = read_state_dict(checkpoint(state))
    np.testing.assert_equal(found, state)
    assert list(found) == list(state)


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ({}, "holds nothing"),
        ({"epoch": 3, "lr": 0.1}, "holds epoch, lr, of which none is one"),
        (
            {"generator": ARRAYS, "critic": ARRAYS},
            "generator, critic.*several may",
        ),
        ({"model": ARRAYS, "net": ARRAYS}, "several may be"),
        ({"state_dict": {"epoch": 3}}, "holds epoch, of which none"),
    ],
)
def test_checkpoint_without_one_state_dict_is_refused(checkpoint, message):
    with pytest.raises(DOConvError, match=message):
        read_state_dict(checkpoint)


class Tensor:
    """What there is of a tensor on a GPU that requires a gradient: NumPy gets nothing of it as it is."""

    def __init__(self, value, steps=("detach", "cpu")):
        self._value, self._steps, self.shape = value, steps, value.shape

    def detach(self):
        return Tensor(self._value, [step for step in self._steps if step != "detach"])

    def cpu(self):
        return Tensor(self._value, [step for step in self._steps if step != "cpu"])

    def __array__(self, *args, **kwargs):
        if self._steps:
            raise RuntimeError(f"call {self._steps[0]} first")
        if self._value.dtype == bool:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self._value


def test_tensors_of_any_device_are_read():
    state = {name: Tensor(value) for name, value in ARRAYS.items()}
    np.testing.assert_equal(read_state_dict(state), ARRAYS)


def test_dtype_that_numpy_has_not_is_named():
    state = {**ARRAYS, "conv.bias": Tensor(np.zeros(2, bool))}
    with pytest.raises(DOConvError, match=r"conv.bias: Got unsupported ScalarType BFloat16; convert"):
        read_state_dict(state)


def torch_that(load):
    return types.SimpleNamespace(load=load, __version__="1.7.1")


@pytest.fixture
def torch_file(tmp_path):
    (tmp_path / "net.pth").write_bytes(b"as torch.save writes it")
    return tmp_path / "net.pth"


def test_files_are_read_without_running_their_code(torch_file, monkeypatch):
    def load(file, map_location=None, pickle_module=None, weights_only=False):
        assert file == torch_file and map_location == "cpu" and weights_only is True
        return {"state_dict": ARRAYS}

    monkeypatch.setitem(sys.modules, "torch", torch_that(load))
    np.testing.assert_equal(read_state_dict(torch_file), ARRAYS)


def old_load(file, map_location=None, pickle_module=None, **pickle_load_args):
    raise AssertionError("an old PyTorch runs what the file holds")


def load_that_raises(error):
    def load(file, map_location=None, weights_only=False):
        raise error

    return load


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (old_load, "PyTorch 1.7.1 cannot read a file without running code.*install PyTorch 1.13 or later"),
        (
            load_that_raises(pickle.UnpicklingError("Unsupported global: Namespace\nmore")),
            "net.pth .*more than arrays",
        ),
        (load_that_raises(RuntimeError("PytorchStreamReader failed")), "damaged.*PytorchStreamReader failed"),
        (load_that_raises(EOFError("Ran out of input")), "damaged.*Ran out of input"),
        (
            lambda file, map_location, weights_only: [1, 2],
            r"holds \[1, 2\] \(a list\) where a state dict is wanted",
        ),
    ],
)
def test_files_that_cannot_be_read_are_refused(load, message, torch_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", torch_that(load))
    with pytest.raises(DOConvError, match=message):
        read_state_dict(torch_file)


def test_file_without_torch(torch_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DOConvError, match="needs PyTorch installed"):
        read_state_dict(torch_file)


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(DOConvError, match=r"none.pth: there is no such file"):
        read_state_dict(tmp_path / "none.pth")

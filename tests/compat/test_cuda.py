"""CUDA libraries that the extra installs, loaded before MXNet looks for them; seen without a GPU."""

import ctypes
import importlib.util
from importlib import metadata
from types import SimpleNamespace

from gluon_doconv.compat import cuda

import pytest


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The extra, as far as files go: two of its libraries. Returns what is loaded, in order."""
    loaded = []
    for library in (cuda.LIBRARIES[-1], cuda.LIBRARIES[0]):
        (tmp_path / library).parent.mkdir(parents=True)
        (tmp_path / library).write_bytes(b"")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "nvidia" else None)
    monkeypatch.setattr(metadata, "version", lambda name: {"mxnet-cu112": "1.9.1"}[name])
    monkeypatch.setattr(ctypes, "CDLL", lambda path, mode: loaded.append((path, mode)))
    return loaded


def test_what_is_there_is_loaded_for_all_in_order(installed, tmp_path):
    expected = [str(tmp_path / library) for library in (cuda.LIBRARIES[0], cuda.LIBRARIES[-1])]
    assert cuda.preload() == expected
    assert installed == [(path, ctypes.RTLD_GLOBAL) for path in expected]


def test_another_mxnet_is_left_alone(installed, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert cuda.preload() == [] and installed == []


def test_libraries_may_come_from_elsewhere(installed, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cuda.preload() == [] and installed == []


@pytest.mark.parametrize(
    ("card", "capability", "runs"),
    [
        ("GeForce GTX 780", (3, 5), False),
        ("GeForce GTX 980", (5, 2), True),
        ("GeForce GTX 1080", (6, 1), True),
        ("GeForce RTX 2080", (7, 5), True),
        ("A100", (8, 0), True),
        ("GeForce RTX 4090", (8, 9), True),
        ("H100", (9, 0), False),
        ("B200", (10, 0), False),
    ],
)
def test_which_cards_there_is_code_for(card, capability, runs):
    """CUDA's rule: machine code for x.y runs on x.z with z at least y, and on no other generation."""
    assert cuda.has_code_for(capability) is runs

"""Compiled once, into a folder that nobody else can write; and where that fails, it says why."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from gluon_doconv.native import build, operator
from gluon_doconv.native.build import UnavailableError, library

import pytest


@pytest.fixture
def compiler(monkeypatch, tmp_path):
    """A compiler that takes no time; what it was called with stands in a file."""
    log = tmp_path / "log"

    def make(script='echo "$@" >> {log}; for last; do :; done; echo library > "$last"'):
        path = tmp_path / "c++"
        path.write_text(f"#!/bin/sh\n{script.format(log=log)}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CXX", f"{path} --with-an-option")
        return log

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return make


def test_it_is_compiled_once_for_all_processes_and_names_what_it_depends_on(compiler, monkeypatch, tmp_path):
    log = compiler()
    with ThreadPoolExecutor(4) as at_once:
        (path,) = set(at_once.map(lambda _: library(), range(4)))
    calls = len(log.read_text().splitlines())
    assert path == library() and path.read_text() == "library\n"
    assert len(log.read_text().splitlines()) == calls
    assert "--with-an-option -std=c++14" in log.read_text()
    assert path.stat().st_mode & 0o777 == 0o700 == path.parent.stat().st_mode & 0o777
    assert [*path.parent.iterdir()] == [path]
    monkeypatch.setattr(build, "_processor", lambda: ("x86_64", "flags : another"))
    assert library() != path


@pytest.mark.parametrize("whose", ["folder", "library", "link"])
def test_what_others_could_write_is_not_loaded(compiler, whose):
    compiler()
    path = library()
    if whose == "link":
        path.rename(path.with_suffix(".elsewhere"))
        path.symlink_to(path.with_suffix(".elsewhere"))
    else:
        (path if whose == "library" else path.parent).chmod(0o777)
    with pytest.raises(UnavailableError, match="does not belong to this user alone"):
        library()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo 'a.cc:1: error: no such thing' >&2; echo more >&2; exit 1",
            "failed: a.cc:1: error: no such thing",
        ),
        ("exit 3", "failed: without a word"),
        ("sleep 5", "took longer than 0.1 seconds"),
    ],
)
def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(compiler, monkeypatch, tmp_path, script, message):
    compiler(script)
    monkeypatch.setattr(build, "SECONDS", 0.1)
    with pytest.raises(UnavailableError, match=message):
        library()
    assert [*(tmp_path / "cache" / "gluon_doconv").iterdir()] == []


def test_a_machine_without_a_compiler_or_a_place(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="there is no C\\+\\+ compiler"):
        library()
    compiler()
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(UnavailableError, match="cache"):
        library()


TRAIN = """
import gluon_doconv as doconv, mxnet as mx
from gluon_doconv.native.operator import in_force
layer = doconv.DOConv2D(4, 3, in_channels=3)
layer.initialize()
layer.D.set_data(mx.nd.ones((9, 9, 3)))
x = mx.nd.ones((1, 3, 8, 8))
imperative = layer(x).asnumpy()
layer.hybridize()
with mx.autograd.record():
    y = layer(x)
y.backward()
assert abs(y.asnumpy() - imperative).max() < 1e-5 and layer.D.grad().abs().sum().asscalar() > 0
print(in_force())
"""


def test_without_it_mxnets_operators_compose(compiler, monkeypatch):
    monkeypatch.delenv(operator.SWITCH, raising=False)
    compiler()  # which makes a library that cannot be loaded
    done = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MXNet's operators: ") and "file too short" in done.stdout
    monkeypatch.setenv(operator.SWITCH, "0")
    assert operator.operator() is None and operator.in_force() == f"MXNet's operators: {operator.SWITCH}=0"

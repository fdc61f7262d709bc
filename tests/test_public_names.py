"""The public names: the same in the stub, in ``__all__`` and in what can be imported, each on first use."""

import ast
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import gluon_doconv as doconv

import pytest

STUB = ast.parse(Path(doconv.__file__).with_name("__init__.pyi").read_text(encoding="utf-8"))
# name -> module it is imported from
IMPORTED = {
    alias.name: node.module for node in STUB.body if isinstance(node, ast.ImportFrom) for alias in node.names
}
(LISTED,) = (
    ast.literal_eval(node.value)
    for node in STUB.body
    if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
)


def test_stub_and_package_list_the_same_names():
    assert sorted(LISTED) == LISTED == sorted(IMPORTED) == sorted(doconv.__all__)
    assert set(LISTED) <= set(dir(doconv))


@pytest.mark.parametrize("name", LISTED)
def test_each_name_is_what_its_module_defines(name):
    assert getattr(doconv, name) is getattr(import_module(f"gluon_doconv.{IMPORTED[name]}"), name)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(AttributeError, match="foldd"):
        doconv.foldd  # noqa: B018
    with pytest.raises(ImportError):
        from gluon_doconv import foldd  # noqa: F401


def test_a_star_imports_all():
    names = {}
    exec("from gluon_doconv import *", names)
    assert names.keys() - {"__builtins__"} == set(LISTED)


@pytest.mark.parametrize("name", ["DOConv2D", "DOConvError", "fold"])
def test_public_things_are_pickled(name):
    thing = getattr(doconv, name)
    assert pickle.loads(pickle.dumps(thing)) is thing


LAZY = """
import sys
import gluon_doconv as doconv
assert not {"mxnet", "gluoncv", "numpy"} & sys.modules.keys()
doconv.DOConvError
assert "mxnet" not in sys.modules
doconv.fold
assert "mxnet" in sys.modules
"""


def test_importing_the_package_waits_for_nothing():
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""The names that MXNet and GluonCV need are there, and nothing else of NumPy is touched."""

import subprocess
import sys
import types
import warnings

from gluon_doconv import compat
from gluon_doconv.compat import numpy_names
from gluon_doconv.compat.workarounds import WORKAROUNDS, apply_workarounds

import pytest

BUILTINS = {"bool": bool, "float": float, "int": int, "object": object, "str": str}
INF = float("inf")


def fake_numpy(version, **names):
    numpy = types.ModuleType("numpy")
    vars(numpy).update(names, __version__=version)
    return numpy


def pretend(monkeypatch, numpy):
    """Let ``numpy`` be the NumPy that is imported, and nothing be installed yet."""
    monkeypatch.setitem(sys.modules, "numpy", numpy)
    monkeypatch.setattr(compat, "_installed", [])
    monkeypatch.setattr(numpy_names, "added", [])


def installed_on(monkeypatch, numpy):
    """The names that compat.install() adds to ``numpy``; it has to be silent."""
    before = dict(vars(numpy))
    pretend(monkeypatch, numpy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compat.install()
    for name, value in before.items():
        assert vars(numpy)[name] is value
    return {name: value for name, value in vars(numpy).items() if name not in before}


def test_an_old_numpy_lacks_nothing(monkeypatch):
    assert installed_on(monkeypatch, fake_numpy("1.19.5", **BUILTINS)) == {}


def test_numpy_1_24_gets_the_aliases_of_the_builtins(monkeypatch):
    assert installed_on(monkeypatch, fake_numpy("1.24.0")) == BUILTINS


def test_a_name_that_exists_is_never_replaced(monkeypatch):
    """As numpy.bool of NumPy 2, which is numpy.bool_."""
    added = installed_on(monkeypatch, fake_numpy("1.26.4", bool="NumPy's own", int="NumPy's own"))
    assert added.keys() == {"float", "object", "str"}


def test_numpy_2_gets_what_it_removed_under_the_new_names(monkeypatch):
    new_names = ("all", "isin", "cumprod", "prod", "round", "vstack", "any", "trapezoid")
    own = {"bool": "NumPy's own", "in1d": "not removed yet", **{name: name.upper() for name in new_names}}
    added = installed_on(monkeypatch, fake_numpy("2.1.0", **own))
    gone = {name: added.pop(name) for name in ("mirr", "msort", "npv", "pmt", "ppmt", "pv", "rate")}
    assert all(value != value for value in (added.pop("NAN"), added.pop("NaN")))
    assert added == {
        **{name: value for name, value in BUILTINS.items() if name != "bool"},
        **{"PZERO": 0.0, "NZERO": -0.0, "PINF": INF, "NINF": -INF, "Inf": INF},
        **{"alltrue": "ALL", "cumproduct": "CUMPROD", "product": "PROD", "round_": "ROUND"},
        **{"row_stack": "VSTACK", "sometrue": "ANY", "trapz": "TRAPEZOID"},
    }
    assert str(added["NZERO"]) == "-0.0"
    for name, function in gone.items():
        with pytest.raises(AttributeError, match=f"numpy.{name} is not in NumPy 2.1.0"):
            function(1, 2, axis=0)


def test_what_was_added_and_nothing_else_is_taken_out_again(monkeypatch):
    numpy = fake_numpy("1.24.0", int="NumPy's own")
    before = dict(vars(numpy))
    pretend(monkeypatch, numpy)
    compat.install()
    assert numpy.float is float
    undo = apply_workarounds(without=tuple(workaround.name for workaround in WORKAROUNDS))
    assert vars(numpy) == before
    undo()
    assert numpy.float is float and numpy.int == "NumPy's own"


@pytest.mark.parametrize("version", ["1.24.0", "2.1.0"])
def test_a_second_time_changes_nothing(monkeypatch, version):
    new_names = dict.fromkeys(numpy_names.RENAMED_BY_NUMPY_2.values(), "present")
    numpy = fake_numpy(version, **new_names)
    assert installed_on(monkeypatch, numpy)
    assert installed_on(monkeypatch, numpy) == {}


INSTALLED = """
import sys, warnings

def present(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hasattr(numpy, name)

if sys.argv[1] == "before":
    import numpy
    before = dict(vars(numpy))
    needed = {name for name in ("bool", "float", "int", "object", "str") if not present(name)}
from gluon_doconv import compat
compat.install()
if sys.argv[1] == "after":
    assert "numpy" not in sys.modules
import numpy
if sys.argv[1] == "before":
    assert all(vars(numpy)[name] is value for name, value in before.items())
    added = vars(numpy).keys() - before.keys()
    if numpy.__version__.startswith("1."):
        assert added == needed, added
assert all(present(name) for name in ("bool", "float", "int", "object", "str"))
import distutils.version
"""


@pytest.mark.parametrize("imported", ["before", "after"])
def test_the_numpy_of_this_python_gets_only_what_it_lacks(imported):
    run("-W", "error", "-W", "ignore::DeprecationWarning:distutils", "-c", INSTALLED, imported)


def test_a_numpy_that_comes_later_gets_its_names_then(monkeypatch, tmp_path):
    (tmp_path / "numpy.py").write_text("__version__ = '1.26.4'")
    pretend(monkeypatch, fake_numpy("1.24.0"))
    monkeypatch.delitem(sys.modules, "numpy")
    monkeypatch.syspath_prepend(tmp_path)
    compat.install()
    import numpy

    assert numpy.float is float
    compat.uninstall()
    assert not hasattr(numpy, "float")


@pytest.mark.parametrize("module", ["mxnet", "gluoncv"])
def test_after_the_package_mxnet_and_gluoncv_import(module):
    run("-c", f"import gluon_doconv, {module}; print({module}.__version__)")


def run(*arguments):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

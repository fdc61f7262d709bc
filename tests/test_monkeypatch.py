"""Something is done to a module when it is imported, and to no other."""

import importlib
import sys

from gluon_doconv.monkeypatch import when_imported

import pytest


@pytest.fixture
def module_name(tmp_path, monkeypatch):
    (tmp_path / "imported_late.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "imported_late"
    sys.modules.pop("imported_late", None)


def set_value(module):
    before, module.value = module.value, 2

    def undo():
        module.value = before

    return undo


def test_a_module_is_changed_when_it_is_imported(module_name):
    finders = list(sys.meta_path)
    undo = when_imported(module_name, set_value)
    assert module_name not in sys.modules
    module = importlib.import_module(module_name)
    assert module.value == 2 and sys.meta_path == finders
    assert module.__loader__ is module.__spec__.loader
    assert module.__loader__.get_source(module_name) == "value = 1\n"  # which only its own loader can tell
    undo()
    assert module.value == 1


def test_one_that_is_there_already_is_changed_at_once(module_name):
    module = importlib.import_module(module_name)
    undo = when_imported(module_name, set_value)
    assert module.value == 2
    undo()
    assert module.value == 1


def test_undone_before_nothing_happens(module_name):
    finders = list(sys.meta_path)
    when_imported(module_name, set_value)()
    assert sys.meta_path == finders and importlib.import_module(module_name).value == 1


def test_several_changes_of_one_module(module_name):
    seen = []
    undos = [when_imported(module_name, lambda module, i=i: lambda: seen.append(i)) for i in range(3)]
    undos.append(when_imported(module_name, set_value))
    assert importlib.import_module(module_name).value == 2
    for undo in reversed(undos):
        undo()
    assert seen == [2, 1, 0] and importlib.import_module(module_name).value == 1


def test_a_module_that_does_not_exist_is_still_not_found():
    undo = when_imported("not_there_at_all", set_value)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("not_there_at_all")
    undo()

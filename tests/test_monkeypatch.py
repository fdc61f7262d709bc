"""Somebody else's methods and modules are changed, and nothing else is; what is undone is as it was."""

import importlib
import sys

from gluon_doconv.monkeypatch import intercept, when_imported

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


class Base:
    def greet(self, name, *more, greeting="Hello", **rest):
        return (self, name, more, greeting, rest)


class Derived(Base):
    pass


@pytest.mark.parametrize("owner", [Base, Derived])
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("a",), {}),
        ((), {"name": "a"}),
        (("a", "b"), {"greeting": "Hi"}),
        (("a",), {"other": 1, "greeting": 2}),
    ],
)
def test_an_intercepted_method_is_called_as_it_was(owner, args, kwargs):
    one = owner()
    expected = one.greet(*args, **kwargs)
    seen = []

    def handler(call):
        seen.append((call.instance, call["name"], call["greeting"]))
        return call()

    undo = intercept(owner, "greet", handler)
    assert one.greet(*args, **kwargs) == expected
    assert seen == [(one, "a", expected[3])]
    undo()
    assert "greet" not in vars(Derived) and one.greet(*args, **kwargs) == expected and len(seen) == 1


def test_arguments_that_a_handler_changes_arrive_however_they_were_given():
    one = Base()
    undo = intercept(Base, "greet", lambda call: call(name="changed", greeting="Hi"))
    assert one.greet("a", "b") == (one, "changed", ("b",), "Hi", {})
    assert one.greet(name="a", other=1) == (one, "changed", (), "Hi", {"other": 1})
    undo()


def test_a_handler_sees_through_another():
    one, order = Base(), []
    undos = [
        intercept(Base, "greet", lambda call, i=i: order.append((i, call["name"])) or call()) for i in (0, 1)
    ]
    assert one.greet(name="a") == (one, "a", (), "Hello", {}) and order == [(1, "a"), (0, "a")]
    for undo in reversed(undos):
        undo()


def test_an_inherited_method_is_looked_up_when_it_is_called():
    undo = intercept(Derived, "greet", lambda call: ("derived", call()[1]))
    undo_base = intercept(Base, "greet", lambda call: (None, "base"))
    assert Derived().greet("a") == ("derived", "base")
    undo_base()
    undo()


def test_a_function_of_a_module_is_intercepted_too(module_name):
    module = importlib.import_module(module_name)
    module.double = double = lambda number: 2 * number
    undo = intercept(module, "double", lambda call: call(number=call["number"] + 1))
    assert module.double(1) == module.double(number=1) == 4
    undo()
    assert module.double is double

"""Calls whose return is waited for; returns_runner.py runs them in any interpreter, without any package."""

import sys
import threading
from contextlib import suppress


class Heard:
    """What was told of, in order; ``wait`` has the caller's return waited for."""

    def __init__(self, on_return):
        self._on_return = on_return
        self.values = []

    def __call__(self, frame, value):
        self.values.append((frame.f_code.co_name, value))

    def wait(self, depth=1):
        self._on_return(sys._getframe(depth), self)


def a_return(heard):
    def work():
        heard.wait()
        inner()
        return 7

    def inner():
        return 8

    assert work() == 7
    assert inner() == 8
    assert heard.values == [("work", 7)]


def none_is_returned_too(heard):
    def work():
        heard.wait()

    work()
    assert heard.values == [("work", None)]


def asked_often_told_once(heard):
    def work():
        for _ in range(3):
            heard.wait()
        return 1

    assert work() + work() == 2
    assert heard.values == [("work", 1), ("work", 1)]


def an_exception_is_no_return(heard):
    def work():
        heard.wait()
        raise ValueError("as it was")

    def around():
        heard.wait()
        try:
            work()
        except ValueError as error:
            return str(error)

    assert around() == "as it was"
    assert heard.values == [("around", "as it was")]


def after_an_exception_the_same_code_is_told_of_only_if_asked(heard):
    def work(fails, waits):
        if waits:
            heard.wait()
        if fails:
            raise ValueError
        return "fine"

    for fails, waits in ((True, True), (False, False), (False, True), (True, False)):
        with suppress(ValueError):
            work(fails, waits)
    assert heard.values == [("work", "fine")]


def an_exception_caught_within_does_not_matter(heard):
    def work():
        heard.wait()
        try:
            raise KeyError
        except KeyError:
            pass
        finally:
            inner()

    def inner():
        return 1

    work()
    assert heard.values == [("work", None)]


def recursion_tells_of_one_call_of_many(heard):
    def work(depth):
        if depth == 2:
            heard.wait()
        return depth if depth == 4 else work(depth + 1) * 10 + depth

    assert work(0) == 43210
    assert heard.values == [("work", 432)]


def nested_inner_first(heard):
    def outer():
        heard.wait()
        return inner() + 1

    def inner():
        heard.wait()
        return 1

    assert outer() == 2
    assert heard.values == [("inner", 1), ("outer", 2)]


def nested_outer_asked_for_last(heard):
    def outer():
        return between() + 1

    def between():
        return inner() + 1

    def inner():
        heard.wait(1)
        heard.wait(3)
        heard.wait(2)
        return 1

    assert outer() == 3
    assert heard.values == [("inner", 1), ("between", 2), ("outer", 3)]


def several_are_told_of_one_call(heard):
    others = []

    def work():
        heard.wait()
        heard._on_return(sys._getframe(), lambda frame, value: others.append(value))
        return 3

    work()
    assert heard.values == [("work", 3)] and others == [3]


def a_generator_returns_when_it_is_exhausted(heard):
    def generate():
        heard.wait()
        yield None
        yield 2
        return 3

    running = generate()
    assert [next(running), heard.values, next(running), heard.values] == [None, [], 2, []]
    assert list(running) == [] and heard.values == [("generate", 3)]


def a_generator_that_fails_has_not_returned(heard):
    def generate():
        heard.wait()
        yield 1
        raise ValueError

    running = generate()
    next(running)
    with suppress(ValueError):
        next(running)
    assert heard.values == []


def generators_run_within(heard):
    def work():
        heard.wait()
        return sum(delegate())

    def delegate():
        yield from (number for number in range(4))

    assert work() == 6
    assert heard.values == [("work", 6)]


def threads_do_not_disturb_each_other(heard):
    inside, on = threading.Barrier(3, timeout=60), threading.Barrier(3, timeout=60)

    def work(number):
        if number:
            heard.wait()
        inside.wait()
        on.wait()
        return number

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard.values) == [("work", 1), ("work", 2)]


def what_the_callback_raises_comes_out_of_the_call(heard):
    def refuse(frame, value):
        raise ArithmeticError(f"no {value}")

    def work():
        heard._on_return(sys._getframe(), refuse)
        return 5

    try:
        work()
    except ArithmeticError as error:
        assert str(error) == "no 5"
    else:
        raise AssertionError("nothing came out")


CASES = [
    a_return,
    none_is_returned_too,
    asked_often_told_once,
    an_exception_is_no_return,
    after_an_exception_the_same_code_is_told_of_only_if_asked,
    an_exception_caught_within_does_not_matter,
    recursion_tells_of_one_call_of_many,
    nested_inner_first,
    nested_outer_asked_for_last,
    several_are_told_of_one_call,
    a_generator_returns_when_it_is_exhausted,
    a_generator_that_fails_has_not_returned,
    generators_run_within,
    threads_do_not_disturb_each_other,
    what_the_callback_raises_comes_out_of_the_call,
]

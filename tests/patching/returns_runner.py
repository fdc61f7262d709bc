"""Run the calls of returns_cases.py, with and without cProfile; as a script, given the path of returns.py."""

import cProfile
import importlib.util
import sys
from pathlib import Path

from returns_cases import CASES, Heard, what_the_callback_raises_comes_out_of_the_call


def load(path):
    """The module in the file ``path``, without the package around it."""
    spec = importlib.util.spec_from_file_location("returns", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(case, returns):
    """Run one case; afterwards nothing is waited for, and who profiled or traced before does so again."""
    profiler, tracer, tools = sys.getprofile(), sys.gettrace(), tools_in_use()
    case(Heard(returns.on_return))
    assert not returns._callbacks
    assert sys.getprofile() is profiler or case is what_the_callback_raises_comes_out_of_the_call
    assert sys.gettrace() is tracer or case is what_the_callback_raises_comes_out_of_the_call
    assert tools_in_use() == tools


def run_profiled(case, returns):
    """Run one case under cProfile."""
    profiler = cProfile.Profile()
    profiler.enable()
    run(case, returns)
    profiler.disable()
    assert calls(profiler)[case.__name__] == 1


def check_statistics(returns):
    """What cProfile counts is what there was, before somebody waits, meanwhile and afterwards."""

    def work():
        inner()
        returns.on_return(sys._getframe(), lambda frame, value: None)
        for _ in range(10):
            inner()

    def inner():
        return len("counted too")

    profiler = cProfile.Profile()
    profiler.enable()
    work()
    inner()
    profiler.disable()
    counts = calls(profiler)
    assert (counts["work"], counts["inner"]) == (1, 12)
    callers = {key[2]: stat[4] for key, stat in profiler.stats.items()}
    assert {key[2]: stat[0] for key, stat in callers["inner"].items()} == {"work": 11}


def check_that_a_tool_is_free(returns):
    """Where sys.monitoring has no room left, that is said, and nothing is waited for."""
    if sys.version_info < (3, 12):
        return
    for number in returns.TOOL_IDS:
        sys.monitoring.use_tool_id(number, "another")
    try:
        returns.on_return(sys._getframe(), print)
    except RuntimeError as error:
        assert "both in use" in str(error)
    else:
        raise AssertionError("nothing was said")
    finally:
        for number in returns.TOOL_IDS:
            sys.monitoring.free_tool_id(number)
    assert not returns._callbacks


def calls(profiler):
    """How often each function beside this file was called, as cProfile counts."""
    profiler.create_stats()
    here = Path(__file__).resolve().parent
    return {key[2]: stat[0] for key, stat in profiler.stats.items() if Path(key[0]).resolve().parent == here}


def tools_in_use():
    """Who uses sys.monitoring, where there is that."""
    return [sys.monitoring.get_tool(number) for number in range(6)] if hasattr(sys, "monitoring") else []


if __name__ == "__main__":
    module = load(sys.argv[1])
    for each in CASES:
        run(each, module)
        run_profiled(each, module)
    check_statistics(module)
    check_that_a_tool_is_free(module)
    print(f"{len(CASES)} cases")

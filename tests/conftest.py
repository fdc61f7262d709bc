"""How the tests run: reproducibly, and without a deadline, since MXNet compiles on the first call."""

import os
import signal
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of several test processes each has one core

# isort: split
import gluon_doconv  # noqa: F401  (before MXNet, which does not import on today's NumPy by itself)

# isort: split
from gluon_doconv.native.operator import SWITCH

import mxnet as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# The default repeats the same cases; `pytest --hypothesis-profile=explore` makes new ones, `fast` fewer.
settings.register_profile(
    "repeat",
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("repeat"), derandomize=False, max_examples=200)
settings.register_profile("fast", settings.get_profile("repeat"), max_examples=25)
settings.load_profile("repeat")

TESTS = Path(__file__).parent
SLOW_FOLDERS = {"integration", "lab", "runner", "verification"}  # trainings and whole programs


def pytest_configure(config):
    config.option.loadscopereorder = False  # of pytest-xdist: files with many tests first


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items):
    """What is slow goes first, so that of two processes neither is left with it when the other is done."""
    for item in items:
        if SLOW_FOLDERS & set(item.path.relative_to(TESTS).parts):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter):
    """Print what passing tests have put on record as their ``summary``."""
    passed = terminalreporter.stats.get("passed", [])
    lines = [text for report in passed for name, text in report.user_properties if name == "summary"]
    if lines:
        terminalreporter.section("on record")
    for line in lines:
        terminalreporter.line(line)


@pytest.fixture(scope="module", params=["1", "0"], ids=["composed natively", "composed by MXNet"])
def each_composition(request):
    """Run a module's tests with the native operator, and with MXNet's own in its place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, request.param)
        yield


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """Started in the background of a shell, Python ignores SIGINT, and so would every program a test starts."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.fixture(autouse=True)
def same_random_numbers():
    mx.random.seed(0)
    np.random.seed(0)

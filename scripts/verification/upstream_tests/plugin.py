"""The pytest plugin that GluonCV's own tests run with.

It lets them be collected and run on today's Python, without a network: where GluonCV would download pretrained
parameters, random ones are made. With ``--stock`` they run under ``gluon_doconv.patch()`` and its workarounds.

Every result is a line in ``--records``, as is the beginning of every test: whoever runs this again goes on with
the tests of which no result is known.
"""

from __future__ import annotations

import functools
import os
import random
import socket
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any, Generator, Iterator

import gluon_doconv as doconv
from gluon_doconv.compat.workarounds import apply_workarounds

import mxnet as mx
import numpy as np
import pytest

from ..processes import error_line
from .records import BEGUN, TOO_LONG, Record, Results


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options by which the command line tells this plugin what to do."""
    group = parser.getgroup("GluonCV's tests")
    group.addoption("--records", type=Path, required=True, help="JSON lines, appended to")
    group.addoption("--seconds", type=float, required=True, help="for one test")
    group.addoption("--stock", type=Path, help="records of the stock run: now it is to be under the patch")


def pytest_configure(config: pytest.Config) -> None:
    """Make ready what the tests need, before they are imported."""
    imitate_nose()
    no_network()
    import gluoncv

    from ..offline_weights import serve

    checkout = config.rootpath
    if checkout not in Path(gluoncv.__file__).absolute().parents:
        pytest.exit(f"these are the tests of {checkout}, but gluoncv is {gluoncv.__file__}", 2)
    serve(config.getoption("--records").parent / "weights")
    if config.getoption("--stock"):
        apply_workarounds()
        doconv.patch()
    config.pluginmanager.register(Recorder(config), "recorder")


class Recorder:
    """A pytest plugin that writes down what becomes of each test, within its time."""

    def __init__(self, config: pytest.Config) -> None:
        self._records = Results(config.getoption("--records"))
        self._seconds = config.getoption("--seconds")
        self._root = config.rootpath
        self._known = {record.test for record in self._records.ended() if not self._needs_more_time(record)}
        stock = config.getoption("--stock")
        self._comparable = stock and {record.test for record in Results(stock).ended() if not record.too_long}

    def name_of(self, item: pytest.Item | pytest.Collector) -> str:
        """Return the test's file, as it is called in the checkout, and the test's name."""
        path = os.path.relpath(item.path, self._root)
        return "::".join([path, *item.nodeid.split("::")[1:]])

    def _needs_more_time(self, record: Record) -> bool:
        return record.too_long and record.seconds < self._seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what is known already, and what there is nothing to compare with."""
        names = {item: self.name_of(item) for item in items}
        unknown = [item for item in items if names[item] not in self._known]
        if self._comparable is not None:
            unknown = [item for item in unknown if names[item] in self._comparable]
        items[:] = unknown

    def pytest_make_collect_report(self, collector: pytest.Collector) -> None:
        """Know which file it is that cannot be imported."""
        self._collecting = collector

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take a file that cannot be imported for one failed test."""
        if report.failed:
            self._records.add(Record(self.name_of(self._collecting), "failed", why=reason(report)))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Give each test the same random numbers and a limited time."""
        name, self._begin = self.name_of(item), time.perf_counter()
        self._records.add(Record(name, BEGUN))
        timer = threading.Timer(self._seconds, self._give_up, [name])
        timer.daemon = True
        timer.start()
        for seed in (random.seed, np.random.seed, mx.random.seed):
            seed(0)
        yield
        timer.cancel()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> Generator[None, Any, None]:
        """Record, of set-up, call and tear-down, the first that does not pass, or else the call."""
        outcome = yield
        report = outcome.get_result()
        if report.when == "call" or not report.passed:
            seconds = round(time.perf_counter() - self._begin, 1)
            why = "" if report.passed else reason(report)
            self._records.add(Record(self.name_of(item), report.outcome, seconds, why))

    def _give_up(self, name: str) -> None:
        self._records.add(Record(name, "failed", self._seconds, TOO_LONG))
        os._exit(1)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End, even if threads of a test hang."""
        mx.nd.waitall()
        sys.stdout.flush()
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            os._exit(0)


def reason(report: Any) -> str:
    """Say in a line what was wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return error_line(crash.message if crash else str(report.longrepr))


def imitate_nose() -> None:
    """Provide the two decorators that tests take from nose, which does not import on Python 3.12."""

    def nottest(function: Any) -> Any:
        function.__test__ = False
        return function

    nose: Any = types.ModuleType("nose")
    nose.tools = types.SimpleNamespace(make_decorator=functools.wraps, nottest=nottest)
    sys.modules.update({"nose": nose, "nose.tools": nose.tools})


def no_network() -> None:
    """Let downloads fail at once, on every machine."""
    connect = socket.socket.connect

    def refuse(wanted: Any, *_: Any, **__: Any) -> None:
        raise OSError(f"GluonCV's tests are run without a network; this one wants {wanted}")

    def connect_locally(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse(address)
        connect(self, address)

    module: Any = socket
    module.socket.connect, module.getaddrinfo = connect_locally, refuse

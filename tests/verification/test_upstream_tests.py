"""GluonCV's own tests, stock and under the patch: here on a small checkout with tests that end in every way."""

import os
import subprocess
import sys
from pathlib import Path

import gluoncv
import pytest
from verification.upstream_tests import report
from verification.upstream_tests.records import BEGUN, TOO_LONG, Record, Results

TESTS = """
import os, time
from nose.tools import make_decorator, nottest
from gluoncv.model_zoo import get_model

def as_it_is(test):
    return make_decorator(test)(lambda: test())

@as_it_is
def test_passes():
    assert get_model("cifar_resnet20_v1")

def test_fails():
    assert False, "always"

def test_only_plain():
    assert not [name for name in get_model("cifar_resnet20_v1").collect_params() if name.endswith("_D")]

def test_dies():
    os.kill(os.getpid(), 9)

def test_hangs():
    time.sleep(600)

def test_after():
    import socket
    try:
        socket.create_connection(("127.0.0.1", 9))
    except OSError as error:
        assert "without a network" in str(error)

@nottest
def test_of_nobody():
    assert False
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    checkout, work = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("work")
    (checkout / "gluoncv").symlink_to(Path(gluoncv.__file__).parent)
    (checkout / "tests" / "unittests").mkdir(parents=True)
    (checkout / "tests" / "unittests" / "test_small.py").write_text(TESTS)
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "verification.upstream_tests",
        "--seconds",
        20,
        "--work",
        work,
        "--output",
        work / "out.md",
    ]
    return subprocess.run(
        [str(part) for part in [*command, checkout]],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [root / "scripts", root]))},
        capture_output=True,
        text=True,
        timeout=600,
    ), work


def passed(records):
    return {name for name, record in records.items() if record.outcome == "passed"}


def test_every_way_to_end_is_told_from_the_others(done):
    _, work = done
    (folder,) = (path for path in work.iterdir() if path.is_dir())
    stock, doconv = (
        {record.test.split("::")[1]: record for record in Results(folder / f"{mode}.jsonl").ended()}
        for mode in ("stock", "doconv")
    )
    assert passed(stock) == {"test_passes", "test_only_plain", "test_after"}
    assert stock["test_fails"].why == "AssertionError: always"
    assert stock["test_dies"].why == "its process ended with -9"
    assert stock["test_hangs"].too_long and "test_hangs" not in doconv
    assert {name for name, record in doconv.items() if record.outcome == "passed"} == {
        "test_passes",
        "test_after",
    }
    assert doconv.keys() == stock.keys() - {"test_hangs"}


def test_what_fails_only_under_the_patch_is_said_and_is_an_error(done):
    ended, work = done
    assert ended.returncode == 1, ended.stderr
    last = ended.stdout.splitlines()[-1]
    assert last.startswith("check-upstream-tests: Of 3 tests that pass stock, 2 pass under the patch, 1 fail;")
    assert "| tests/unittests/test_small.py test_only_plain | passed" in (work / "out.md").read_text()


def comparison(**outcomes):
    stock, doconv = ([Record(f"f::{name}", pair[i]) for name, pair in outcomes.items()] for i in (0, 1))
    return report.compare("v", stock, doconv)


def test_failing_is_no_error_where_stock_fails_too():
    assert not comparison(a=("failed", "failed"), b=("failed", "passed"), c=("passed", "passed")).worse
    worse = comparison(a=("passed", "failed"), b=("passed", "skipped"))
    assert [test.stock.test for test in worse.worse] == ["f::a", "f::b"]


def test_a_test_that_was_not_reached_under_the_patch_did_not_pass():
    compared = report.compare("v", [Record("f::a", "passed")], [])
    assert [test.stock.test for test in compared.worse] == ["f::a"]


def test_what_was_interrupted_is_not_known(tmp_path):
    results = Results(tmp_path / "records.jsonl")
    began, passed, interrupted = Record("a", BEGUN), Record("a", "passed"), Record("b", BEGUN)
    for record in (began, passed, interrupted, Record("c", "failed", 9, TOO_LONG)):
        results.add(record)
    assert [record.test for record in results.ended()] == ["a", "c"] and results.interrupted() == ["b"]

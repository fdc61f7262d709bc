"""The return of a call is noticed: by this Python and by every other one there is, profiled or not."""

import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from gluon_doconv.patching import returns

import pytest
import returns_cases
import returns_runner

SUPPORTED = range(8, 14)  # Python 3.8 to 3.13


@lru_cache(maxsize=None)
def interpreters():
    """A Python of every version that is installed here, by version; the one that runs this for its own."""
    places = [Path(sys.executable), *Path.home().glob(".pyenv/versions/3.*/bin/python")]
    places += [Path(found) for found in (shutil.which(f"python3.{minor}") for minor in SUPPORTED) if found]
    found = {}
    for place in places:
        asked = subprocess.run(
            [place, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, text=True
        )
        if asked.returncode == 0:
            found.setdefault(int(asked.stdout), place)
    return {minor: found[minor] for minor in sorted(found) if minor in SUPPORTED}


@pytest.mark.parametrize("case", returns_cases.CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("run", [returns_runner.run, returns_runner.run_profiled], ids=["alone", "profiled"])
def test_here(case, run):
    run(case, returns)


@pytest.mark.parametrize("check", [returns_runner.check_statistics, returns_runner.check_that_a_tool_is_free])
def test_beside_others(check):
    check(returns)


@pytest.mark.parametrize("minor", SUPPORTED)
def test_on_other_versions_of_python(minor):
    """Without any package: the file of the module is loaded by its path."""
    python = interpreters().get(minor, sys.executable)
    done = subprocess.run(
        [python, returns_runner.__file__, returns.__file__], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(returns_cases.CASES)} cases\n"


def test_a_profiler_in_python_is_told_of_everything():
    events = []

    def profiler(frame, event, value):
        events.append((event, frame.f_code.co_name))

    sys.setprofile(profiler)
    try:
        returns_cases.nested_inner_first(returns_cases.Heard(returns.on_return))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    for name in ("outer", "inner", "nested_inner_first"):
        assert events.count(("call", name)) == events.count(("return", name)) == 1

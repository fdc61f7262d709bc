"""What the runner says of workarounds before a script runs: one line, or on request all of them."""

import re

from gluon_doconv.compat.workarounds import WORKAROUNDS

import pytest
from processes import doconv_run, write

NAMES = [workaround.name for workaround in WORKAROUNDS]


@pytest.fixture
def script(tmp_path):
    return write(tmp_path / "says.py", "print('ran')")


def said(script, *options):
    done = doconv_run("--off", *options, script, cwd=script.parent)
    assert done.returncode == 0 and done.stdout == "ran\n", done.stderr
    return re.findall(r"gluon-doconv: (.*)", done.stderr)


def test_one_line_says_how_many_workarounds_are_on(script):
    assert said(script) == [
        f"{len(NAMES)} workarounds are on (-v lists them)",
        "DO-Conv is off: the script runs plain",
    ]


def test_those_that_are_off_are_named(script):
    counted, off, _ = said(script, "--no-workaround", "roi-align", "--no-workaround", "list-batches")
    assert counted.startswith(f"{len(NAMES) - 2} workarounds are on")
    assert off == "workarounds that are off: list-batches, roi-align"


def test_verbose_lists_each_that_is_on_and_what_it_does(script):
    lines = said(script, "-v", "--no-workaround", "roi-align")
    listed = [line.split(":")[0].strip() for line in lines if line.startswith("  ")]
    assert listed == [name for name in NAMES if name != "roi-align"]
    assert all(len(line.split(": ", 1)[1].split()) > 3 for line in lines if line.startswith("  "))

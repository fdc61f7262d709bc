"""Checkouts and scripts are patched and reverted to the byte: all of it, or nothing."""

import os
import re
import subprocess
import sys

from gluon_doconv import DOConvError, DOConvWarning
from gluon_doconv.checkout import apply as checkouts
from gluon_doconv.checkout.insertion import is_marked
from gluon_doconv.cli import main

import pytest
from click.testing import CliRunner

LIBRARY, SCRIPT, EVALUATION = "gluoncv/__init__.py", "scripts/train.py", "scripts/a/eval.py"
SOURCE = (
    "import argparse\nimport mxnet\nparser = argparse.ArgumentParser()\nargs = parser.parse_args()\nprint(args)"
)
FILES = {
    LIBRARY: "from . import data\nversion = 1\n",
    SCRIPT: SOURCE,
    EVALUATION: SOURCE.replace("\n", "\r\n") + "\r\n",
    "scripts/fit.py": "import mxnet\n",
    "scripts/torch_train.py": f"import torch\n{SOURCE}",
    "scripts/datasets/voc.py": SOURCE,
    "README": "untouched: parse_args()",
}
PATCHED = [LIBRARY, EVALUATION, SCRIPT]


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode())


def contents(folder):
    """Everything in a folder: paths, modes and bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes()) for path in files}


def without_marked(content):
    return b"".join(line for line in content.splitlines(True) if not is_marked(line))


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    write(folder, FILES)
    (folder / SCRIPT).chmod(0o755)
    return folder


def test_apply_and_revert(checkout):
    before = contents(checkout)
    assert checkouts.check(checkout).paths("plain") == PATCHED
    assert contents(checkout) == before
    assert checkouts.apply(checkout).paths("patched") == PATCHED
    after = contents(checkout)
    assert [path for path in after if after[path] != before[path]] == [
        path for path in before if path in PATCHED
    ]
    assert all(without_marked(after[path][1]) == before[path][1] for path in PATCHED)
    assert {path: mode for path, (mode, _) in after.items()} == {
        path: mode for path, (mode, _) in before.items()
    }
    assert checkouts.revert(checkout) == PATCHED
    assert contents(checkout) == before


def test_what_is_left_alone_is_named(checkout):
    left = checkouts.check(checkout).left
    assert list(left) == ["scripts/datasets/voc.py", "scripts/fit.py", "scripts/torch_train.py"]
    assert "GLUON_DOCONV=1" in left["scripts/fit.py"]


@pytest.mark.slow
def test_one_script_of_somebodys_own(tmp_path):
    write(tmp_path, {"mine.py": SOURCE})
    checkouts.apply(tmp_path / "mine.py")
    shown = subprocess.run([sys.executable, "mine.py", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert "--doconv-stages" in shown.stdout, shown.stderr
    assert checkouts.revert(tmp_path / "mine.py") == ["mine.py"]
    assert contents(tmp_path)["mine.py"][1].decode() == SOURCE


def test_the_second_time_says_so_and_changes_nothing(checkout):
    with pytest.warns(DOConvWarning, match="is not patched; nothing was changed"):
        checkouts.revert(checkout)
    checkouts.apply(checkout)
    before = contents(checkout)
    with pytest.warns(DOConvWarning, match="is patched already; nothing was changed"):
        checkouts.apply(checkout)
    assert contents(checkout) == before


def test_edited_files_are_patched_and_what_was_edited_stays(checkout):
    write(checkout, {SCRIPT: f"# mine\n{SOURCE}"})
    checkouts.apply(checkout)
    patched = (checkout / SCRIPT).read_text()
    write(checkout, {SCRIPT: patched.replace("parser = ", "x = 1\nparser = ")})
    checkouts.revert(checkout)
    assert (checkout / SCRIPT).read_text() == f"# mine\n{SOURCE}".replace("parser = ", "x = 1\nparser = ")


def test_a_file_that_lost_some_lines_is_told_and_patched_again(checkout):
    checkouts.apply(checkout)
    patched = (checkout / SCRIPT).read_text()
    write(checkout, {SCRIPT: "".join(line for line in patched.splitlines(True) if "add_options" not in line)})
    assert checkouts.check(checkout).paths("partly patched") == [SCRIPT]
    checkouts.apply(checkout)
    assert (checkout / SCRIPT).read_text() == patched


@pytest.mark.parametrize("verb", [checkouts.check, checkouts.apply])
def test_what_cannot_be_placed_is_named_and_nothing_is_changed(verb, checkout):
    write(
        checkout,
        {SCRIPT: "import mxnet\nif 1: a = p.parse_args()", EVALUATION: "import mxnet\nprint 1; p.parse_args()"},
    )
    before = contents(checkout)
    with pytest.raises(DOConvError) as refusal:
        verb(checkout)
    assert re.search(f"{EVALUATION}: it is not Python 3.*\n.*{SCRIPT}: line 2: ", str(refusal.value))
    assert contents(checkout) == before


def test_a_file_that_is_no_python_any_more_is_reverted(checkout):
    before = contents(checkout)
    checkouts.apply(checkout)
    broken = (checkout / SCRIPT).read_text() + "\n((("
    write(checkout, {SCRIPT: broken})
    checkouts.revert(checkout)
    assert contents(checkout)[SCRIPT][1] == before[SCRIPT][1] + b"\n((("


@pytest.mark.parametrize("verb", [checkouts.check, checkouts.apply, checkouts.revert])
def test_a_folder_that_is_no_checkout_is_refused(verb, tmp_path):
    with pytest.raises(DOConvError, match="neither a Python file nor a checkout of GluonCV"):
        verb(tmp_path)


DENIED = PermissionError(13, "Permission denied")


@pytest.mark.parametrize("verb", [checkouts.apply, checkouts.revert])
@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize(
    ("function", "error"), [("replace", DENIED), ("replace", KeyboardInterrupt()), ("fsync", OSError())]
)
def test_a_failure_leaves_everything_as_it_was(verb, failing, function, error, checkout, monkeypatch):
    if verb is checkouts.revert:
        checkouts.apply(checkout)
    before = contents(checkout)
    original, calls = getattr(os, function), []

    def fail_once(*args):
        calls.append(args)
        if len(calls) - 1 == failing:
            raise error
        return original(*args)

    monkeypatch.setattr(os, function, fail_once)
    with pytest.raises(DOConvError if isinstance(error, OSError) else KeyboardInterrupt):
        verb(checkout)
    assert len(calls) > failing
    assert contents(checkout) == before


def test_killed_in_the_middle_every_file_is_as_it_was(checkout):
    program = (
        "import os, sys\n"
        "from gluon_doconv.checkout import apply as checkouts\n"
        "replace = os.replace\n"
        "os.replace = lambda a, b: (replace(a, b), b.name == '__init__.py' and os.kill(os.getpid(), 9))\n"
        "checkouts.apply(sys.argv[1])\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(checkout)])
    assert killed.returncode == -9
    assert b"doconv" in (checkout / LIBRARY).read_bytes()
    assert checkouts.check(checkout).paths("plain") == PATCHED
    assert checkouts.apply(checkout).paths("patched") == PATCHED


def test_a_folder_that_cannot_be_written_to(checkout, monkeypatch):
    before = contents(checkout)
    real = os.replace

    def replace(source, target):
        if target.parent.name == "scripts":
            raise PermissionError(13, "Permission denied", str(source), None, str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    message = f"{SCRIPT} cannot be written: Permission denied; every file of {checkout} is as it was"
    with pytest.raises(DOConvError, match=re.escape(message)):
        checkouts.apply(checkout)
    assert contents(checkout) == before


def test_links_out_of_the_checkout_are_not_followed(checkout, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    script = (checkout / SCRIPT).rename(outside / "train.py")
    (checkout / SCRIPT).symlink_to(script)
    before = script.read_bytes()
    assert checkouts.apply(checkout).left[SCRIPT] == "is a link out of the checkout"
    checkouts.revert(checkout)
    assert script.read_bytes() == before
    (checkout / "gluoncv").rename(outside / "gluoncv")
    (checkout / "gluoncv").symlink_to(outside / "gluoncv")
    with pytest.raises(DOConvError, match="is a link out of"):
        checkouts.apply(checkout)


def test_a_script_of_twelve_gigabytes(checkout):
    with (checkout / SCRIPT).open("ab") as file:
        file.truncate(12 << 30)
    with pytest.raises(DOConvError, match=f"{SCRIPT} is damaged: it has 12,884,901,888 bytes"):
        checkouts.check(checkout)


def test_command_line(checkout):
    def call(verb, folder=checkout, code=0):
        result = CliRunner().invoke(main, ["patch", verb, str(folder)])
        assert result.exit_code == code, result.output
        return result.output

    assert re.search(rf"0 of 3 files are patched\n +plain +{LIBRARY}", call("check"))
    assert "3 of 3 files are patched" in call("apply")
    assert "is patched already; nothing was changed" in call("apply")
    assert re.search(f"patched +{SCRIPT}", call("check")) and "left alone      scripts/fit.py" in call("check")
    assert "3 files are without DO-Conv again" in call("revert")
    write(checkout, {SCRIPT: "mine("})
    assert call("check").count("mine") == 0
    write(checkout, {SCRIPT: "p.parse_args("})
    assert f"{SCRIPT}: it is not Python 3" in call("apply", code=1)

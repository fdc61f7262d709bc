"""Patches for checkouts: recognised by content, applied and reverted to the byte, all or nothing."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile

from gluon_doconv import DOConvError, DOConvWarning
from gluon_doconv.checkout import apply as checkouts
from gluon_doconv.checkout.apply import Insertion
from gluon_doconv.cli import main

import pytest
from click.testing import CliRunner
from diffs import as_diff, write

LIBRARY, SCRIPT = "gluoncv/__init__.py", "scripts/train.py"
UPSTREAM = {
    LIBRARY: b"version = 1\nnothing = None\n",
    SCRIPT: b"import this\r\n\nprint('no newline at the end')",
}
INSERTIONS = {
    LIBRARY: [Insertion(0, (b"first = 1\n",)), Insertion(2, (b"\n", b"last = 1\n"))],
    SCRIPT: [Insertion(1, (b"import that\n",))],
}
PATCHED = {
    LIBRARY: b"first = 1\nversion = 1\nnothing = None\n\nlast = 1\n",
    SCRIPT: b"import this\r\nimport that\n\nprint('no newline at the end')",
}


def contents(folder):
    """Everything in a folder: paths, modes and bytes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def add_version(patches, name, upstream):
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in upstream.items())
    write(patches / name, {"gluoncv.patch": as_diff(INSERTIONS), "gluoncv.sha256": sums.encode()})


@pytest.fixture
def patches(tmp_path):
    folder = tmp_path / "patches"
    add_version(folder, "1.0", UPSTREAM)
    add_version(folder, "2.0", {path: b"# two\n" + content for path, content in UPSTREAM.items()})
    return folder


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    write(folder, {**UPSTREAM, "README": b"untouched"})
    (folder / SCRIPT).chmod(0o755)
    return folder


def test_apply_and_revert(checkout, patches):
    before = contents(checkout)
    found = checkouts.check(checkout, patches)
    assert (found.version.name, found.patched, found.unpatched) == ("1.0", [], [LIBRARY, SCRIPT])
    assert contents(checkout) == before
    assert checkouts.apply(checkout, patches).patched == [LIBRARY, SCRIPT]
    assert contents(checkout) == {path: (mode, PATCHED.get(path, b)) for path, (mode, b) in before.items()}
    assert checkouts.revert(checkout, patches).patched == []
    assert contents(checkout) == before


def test_the_second_time_says_so_and_changes_nothing(checkout, patches):
    with pytest.warns(DOConvWarning, match="is not patched; nothing was changed"):
        checkouts.revert(checkout, patches)
    checkouts.apply(checkout, patches)
    before = contents(checkout)
    with pytest.warns(DOConvWarning, match="is patched already; nothing was changed"):
        checkouts.apply(checkout, patches)
    assert contents(checkout) == before


@pytest.mark.parametrize("verb", [checkouts.apply, checkouts.revert])
def test_a_partly_patched_checkout_is_told_and_mended(verb, checkout, patches):
    write(checkout, {SCRIPT: PATCHED[SCRIPT]})
    assert str(checkouts.check(checkout, patches)).endswith("GluonCV 1.0, 1 of 2 files patched")
    verb(checkout, patches)
    wanted = PATCHED if verb is checkouts.apply else UPSTREAM
    assert {path: (checkout / path).read_bytes() for path in wanted} == wanted


@pytest.mark.parametrize("verb", [checkouts.check, checkouts.apply, checkouts.revert])
@pytest.mark.parametrize("state", [UPSTREAM, PATCHED])
def test_unknown_content_is_refused(verb, state, checkout, patches):
    write(checkout, {**state, SCRIPT: state[SCRIPT] + b"\n# mine"})
    before = contents(checkout)
    with pytest.raises(DOConvError) as refusal:
        verb(checkout, patches)
    nearest, other = str(refusal.value).splitlines()[1:]
    assert nearest.split() == ["1.0:", "here", SCRIPT, "differs"]
    assert other.split() == ["2.0:", "here", LIBRARY, "differs,", SCRIPT, "differs"]
    assert contents(checkout) == before


def test_a_missing_file_is_named(checkout, patches):
    (checkout / SCRIPT).unlink()
    with pytest.raises(DOConvError, match=f"1.0: here {SCRIPT} is missing"):
        checkouts.apply(checkout, patches)


def test_a_folder_that_is_no_checkout_is_refused(tmp_path, patches):
    with pytest.raises(DOConvError, match="is not a checkout of GluonCV"):
        checkouts.check(tmp_path, patches)


DENIED = PermissionError(13, "Permission denied")


@pytest.mark.parametrize("verb", [checkouts.apply, checkouts.revert])
@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize(
    ("function", "error"), [("replace", DENIED), ("replace", KeyboardInterrupt()), ("fsync", OSError())]
)
def test_a_failure_leaves_everything_as_it_was(verb, failing, function, error, checkout, patches, monkeypatch):
    if verb is checkouts.revert:
        checkouts.apply(checkout, patches)
    before = contents(checkout)
    original, calls = getattr(os, function), []

    def fail_once(*args):
        calls.append(args)
        if len(calls) - 1 == failing:
            raise error
        return original(*args)

    monkeypatch.setattr(os, function, fail_once)
    with pytest.raises(DOConvError if isinstance(error, OSError) else KeyboardInterrupt):
        verb(checkout, patches)
    assert len(calls) > failing
    assert contents(checkout) == before


def test_killed_in_the_middle_every_file_is_whole_and_applying_goes_on(checkout, patches, tmp_path):
    program = (
        "import os, sys\n"
        "from gluon_doconv.checkout import apply as checkouts\n"
        "replace = os.replace\n"
        "os.replace = lambda *args: (replace(*args), os.kill(os.getpid(), 9))\n"
        "from pathlib import Path\n"
        "checkouts.apply(sys.argv[1], Path(sys.argv[2]))\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(checkout), str(patches)])
    assert killed.returncode == -9
    assert (checkout / LIBRARY).read_bytes() == PATCHED[LIBRARY]
    assert (checkout / SCRIPT).read_bytes() == UPSTREAM[SCRIPT]
    assert checkouts.apply(checkout, patches).unpatched == []


def test_a_folder_that_cannot_be_written_to(checkout, patches, monkeypatch):
    before = contents(checkout)
    real = tempfile.mkstemp

    def mkstemp(dir, **kwargs):
        if dir.name == "scripts":
            raise PermissionError(13, "Permission denied", str(dir))
        return real(dir=dir, **kwargs)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    with pytest.raises(DOConvError, match=r"Permission denied.*scripts.*every file of .* is as it was"):
        checkouts.apply(checkout, patches)
    assert contents(checkout) == before


def test_a_manifest_that_names_other_files_is_refused(patches):
    (patches / "1.0" / "gluoncv.sha256").write_text(f"{'0' * 64}  {SCRIPT}\n")
    with pytest.raises(DOConvError, match="do not name the same files"):
        checkouts.versions(patches)


def test_command_line(checkout, patches, monkeypatch):
    monkeypatch.setattr(checkouts, "versions", lambda folder, read=checkouts.versions: read(patches))

    def call(verb, folder=checkout, code=0):
        result = CliRunner().invoke(main, ["patch", verb, str(folder)])
        assert result.exit_code == code, result.output
        return result.output

    assert re.search(rf"GluonCV 1.0, 0 of 2 files patched\n +upstream +{LIBRARY}", call("check"))
    assert "2 of 2 files patched" in call("apply")
    assert "is patched already; nothing was changed" in call("apply")
    assert re.search(f"patched +{SCRIPT}", call("check"))
    assert "0 of 2 files patched" in call("revert")
    write(checkout, {SCRIPT: b"mine"})
    assert f"{SCRIPT} differs" in call("apply", code=1)

"""Patches for checkouts: insert-only, recognised by content, reversible to the byte, all or nothing."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

from gluon_doconv import DOConvError, DOConvWarning
from gluon_doconv.checkout import apply as checkouts
from gluon_doconv.checkout.apply import Insertion
from gluon_doconv.cli import main

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

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


def as_diff(insertions):
    """The unified diff, as ``git diff -U0`` writes it."""
    lines = []
    for path, hunks in insertions.items():
        lines.append(f"--- a/{path}\n+++ b/{path}\n".encode())
        shift = 0
        for hunk in hunks:
            count = len(hunk.lines)
            size = "" if count == 1 else f",{count}"
            lines.append(f"@@ -{hunk.after},0 +{hunk.after + shift + 1}{size} @@\n".encode())
            lines.extend(b"+" + line for line in hunk.lines)
            shift += count
    return b"".join(lines)


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


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
        "from gluon_doconv import checkouts\n"
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


LINES = st.lists(st.binary(max_size=4).map(lambda line: line.replace(b"\n", b"\r")), max_size=8)


@st.composite
def contents_and_insertions(draw):
    """Any bytes, with or without carriage returns and a final newline, and insertions behind whole lines."""
    content = draw(st.sampled_from((b"\n", b"\r\n"))).join(draw(LINES))
    whole = content.count(b"\n")
    places = sorted(draw(st.sets(st.integers(0, whole), min_size=1, max_size=4)))
    new = LINES.filter(len).map(lambda lines: tuple(line + b"\n" for line in lines))
    return content, [Insertion(place, draw(new)) for place in places]


@given(contents_and_insertions())
def test_removing_is_the_inverse_of_inserting(case):
    content, insertions = case
    patched = checkouts.insert(content, insertions)
    assert checkouts.remove(patched, insertions) == content
    assert len(patched) == len(content) + sum(len(line) for one in insertions for line in one.lines)
    assert checkouts.parse(as_diff({"a file.py": insertions})) == {"a file.py": insertions}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")
@settings(max_examples=30)
@given(case=contents_and_insertions())
def test_git_makes_the_same_of_a_patch(case, tmp_path_factory):
    content, insertions = case
    folder = tmp_path_factory.mktemp("git")
    write(folder, {"file": content, "patch": as_diff({"file": insertions})})
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    apply = ["git", "apply", "--unidiff-zero", "--whitespace=nowarn", "patch"]
    subprocess.run(apply, cwd=str(folder), env=alone, check=True)
    assert (folder / "file").read_bytes() == checkouts.insert(content, insertions)


@pytest.mark.parametrize(
    "patch",
    [
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n",
        b"--- a/x\n+++ b/x\n@@ -1,1 +1,2 @@\n context\n+new\n",
        b"--- a/x\n+++ b/x\n@@ -1,0 +2,2 @@\n+only one\n",
        b"--- a/x\n+++ b/x\n@@ -1,0 +2 @@ def upstream():\n+new\n",
        b"--- a/x\n+++ b/x\n@@ -1,0 +2 @@\n+new\n\\ No newline at end of file\n",
        b"@@ -1,0 +2 @@\n+new\n",
        b"something else\n",
    ],
)
def test_a_diff_that_does_more_than_insert_is_refused(patch):
    with pytest.raises(DOConvError, match=r"line \d+ of the patch"):
        checkouts.parse(patch)


@pytest.mark.parametrize("content", [b"", b"one\n", b"one\ntwo"])
def test_no_insertion_behind_a_line_that_is_not_there(content):
    with pytest.raises(DOConvError, match="no line 2 that is whole"):
        checkouts.insert(content, [Insertion(2, (b"new\n",))])


def test_a_manifest_that_names_other_files_is_refused(patches):
    (patches / "1.0" / "gluoncv.sha256").write_text(f"{'0' * 64}  {SCRIPT}\n")
    with pytest.raises(DOConvError, match="do not name the same files"):
        checkouts.versions(patches)


def shipped():
    return sorted(checkouts.PATCHES.glob("*/gluoncv.patch"))


def test_shipped_versions():
    names = {version.name for version in checkouts.versions()}
    assert names == {"0.6.0", "0.7.0-bbe41662", "0.10.0", "0.11.0-56777561"}


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.parent.name)
def test_shipped_patches_insert_only_and_hold_nothing_of_gluoncv(path):
    lines = path.read_text().splitlines()
    assert all(re.match(r"\+|--- a/|@@ -\d+,0 \+\d+(,\d+)? @@$", line) for line in lines)
    inserted = {line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++ b/")}
    own = re.compile(r"gluon_doconv|GLUON_DOCONV|patch_from_env|^(import os|except ImportError:|pass|)$")
    assert [line for line in inserted if not own.search(line)] == []


@pytest.mark.parametrize("version", checkouts.versions(), ids=lambda version: version.name)
def test_every_patched_script_asks_and_applies(version):
    for path, insertions in version.insertions.items():
        text = b"".join(line for insertion in insertions for line in insertion.lines).decode()
        needed = (
            ("patch_from_environment(",) if path == LIBRARY else ("add_options(parser)", "patch_from_options(")
        )
        assert all(f"arguments.{call}" in text or call in text for call in needed), path


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

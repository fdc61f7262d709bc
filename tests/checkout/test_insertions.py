"""Diffs that only insert: read, put into a file and taken out again, to the byte."""

import os
import shutil
import subprocess

from gluon_doconv import DOConvError
from gluon_doconv.checkout import apply as checkouts
from gluon_doconv.checkout.apply import Insertion

import pytest
from diffs import as_diff, write
from hypothesis import given, settings
from hypothesis import strategies as st

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

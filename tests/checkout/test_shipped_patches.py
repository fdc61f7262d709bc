"""The patches of released versions: what the rule makes, and nothing of GluonCV's text."""

import hashlib
import os
import re
from pathlib import Path

from gluon_doconv.checkout.insertion import MARK

import gluoncv
import pytest
from verification import patches

SHIPPED = [patches.PATCHES / name for name in patches.VERSIONS]
OWN = re.compile(r"import gluon_doconv$|try:$|except ImportError:$|(if )?gluon_doconv[ .:]")


def by_file(diff):
    """The inserted lines and hunks of a diff, by path."""
    parts = re.split(r"^--- a/(.+)\n\+\+\+ b/.+\n", diff, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def test_there_is_a_patch_for_each_release():
    assert {path.name for path in patches.PATCHES.iterdir() if path.is_dir()} == set(patches.VERSIONS)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_patch_inserts_only_marked_lines_of_ours(folder):
    diff = (folder / "gluoncv.patch").read_text()
    lines = diff.splitlines()
    assert all(re.match(r"\+|--- a/|@@ -\d+,0 \+\d+(,\d+)? @@$", line) for line in lines)
    inserted = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++ b/")]
    assert all(line.endswith(MARK.decode()) for line in inserted)
    assert [line for line in inserted if not OWN.match(line[: -len(MARK)].strip())] == []


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_script_asks_and_applies(folder):
    files = by_file((folder / "gluoncv.patch").read_text())
    assert "patch_from_environment()" in files.pop("gluoncv/__init__.py")
    assert len(files) > 40
    for path, text in files.items():
        assert text.count("import gluon_doconv") == 1, path
        assert text.count("add_options(") == text.count("patch_from_options(") >= 1, path


def test_the_installed_package_is_patched_as_its_version_was():
    content = Path(gluoncv.__file__).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    named = [f for f in SHIPPED if f"{digest}  gluoncv/__init__.py" in (f / "gluoncv.sha256").read_text()]
    if not named:
        pytest.skip("the installed GluonCV is none of the versions that there is a patch for")
    made = patches.diff({"gluoncv/__init__.py": patches.patched_package(content)}).decode()
    for folder in named:
        assert by_file(made).items() <= by_file((folder / "gluoncv.patch").read_text()).items()


@pytest.mark.skipif("GLUONCV_CHECKOUT" not in os.environ, reason="GLUONCV_CHECKOUT names no clone of GluonCV")
@pytest.mark.parametrize("name", patches.VERSIONS)
def test_the_rule_makes_them_again(name):
    made = patches.make(Path(os.environ["GLUONCV_CHECKOUT"]), patches.VERSIONS[name])
    assert made == {file: (patches.PATCHES / name / file).read_bytes() for file in made}

"""The patches that are shipped: for which versions, and what they insert."""

import re

from gluon_doconv.checkout import apply as checkouts

import pytest

LIBRARY = "gluoncv/__init__.py"


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
        assert all(call in text for call in needed), path

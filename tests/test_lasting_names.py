"""Names that stand in users' files: none of them may go away, or those files stop working.

Whoever has to rename one keeps the old name beside the new.
"""

import pickle
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.checkout.script_options import patch_from_environment
from gluon_doconv.patching.estimators import DOConvParameters

import pytest

PATCHES = Path(__file__).parent.parent / "patches"

IN_PICKLES = ["gluon_doconv.patching.estimators.read_doconv_parameters"]
IN_PATCHES = [
    "gluon_doconv.add_options",
    "gluon_doconv.patch_from_environment",
    "gluon_doconv.patch_from_options",
]
VARIABLES = {
    "GLUON_DOCONV_INCLUDE": "stage1",
    "GLUON_DOCONV_EXCLUDE": "stage[23] conv0",
    "GLUON_DOCONV_STAGES": "1",
    "GLUON_DOCONV_PART": "backbone",
    "GLUON_DOCONV_D_MUL": "9",
    "GLUON_DOCONV_D_INITIALIZER": "he",
}
COMMAND = ("gluon-doconv", "gluon_doconv.__main__:start")


def resolve(path):
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("path", [*IN_PICKLES, *IN_PATCHES])
def test_it_is_still_there(path):
    assert callable(resolve(path))


def test_pickles_name_nothing_else():
    """Read as the bytes that were written, so that a new name in them does not go unlisted."""
    written = pickle.dumps(DOConvParameters(b"values"), protocol=0).decode()
    assert re.findall(r"gluon_doconv\S*\n\S+", written) == [
        path.replace(".read_", "\nread_") for path in IN_PICKLES
    ]


def test_a_pickle_of_today_is_read():
    """Written out, as it stands in a file that somebody has."""
    text = b"\x80\x03cgluon_doconv.patching.estimators\nread_doconv_parameters\nC\x06values\x85R."
    with pytest.raises(doconv.DOConvError, match="saved with DO-Conv"):
        pickle.loads(text)
    doconv.patch()
    try:
        assert pickle.loads(text) == b"values" and type(pickle.loads(text)) is DOConvParameters
    finally:
        doconv.unpatch()


def test_patches_name_nothing_else():
    text = "\n".join(path.read_text() for path in sorted(PATCHES.glob("*/*.patch")))
    added = "\n".join(line for line in text.splitlines() if line.startswith("+"))
    named = re.findall(r"gluon_doconv(?:\.| import )(\w+)", added)
    assert sorted({f"gluon_doconv.{name}" for name in named}) == IN_PATCHES


def test_variables_are_understood():
    """One that is not would be ignored without a word, so each is given a value that it has to refuse."""
    for name in VARIABLES:
        with pytest.raises(doconv.DOConvError, match=f"^{name}: "):
            patch_from_environment({"GLUON_DOCONV": "1", **VARIABLES, name: "["})
    assert not doconv.is_patched()
    assert patch_from_environment({"GLUON_DOCONV": "1", **VARIABLES})
    doconv.unpatch()


def test_the_command():
    name, target = COMMAND
    found = entry_points()
    scripts = found.select(group="console_scripts") if hasattr(found, "select") else found["console_scripts"]
    assert target in {script.value for script in scripts if script.name == name}
    module, function = target.split(":")
    assert callable(getattr(import_module(module), function))


def test_the_command_as_a_module():
    done = subprocess.run([sys.executable, "-m", "gluon_doconv", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "gluon-doconv" in done.stdout, done.stderr

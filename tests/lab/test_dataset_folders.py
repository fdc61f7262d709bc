"""The folder of a data set: whole or not there, never over anything else; and the command that writes it."""

import hashlib
import json
import struct

from gluon_doconv import DOConvError
from gluon_doconv.cli import main
from gluon_doconv.lab import datasets
from gluon_doconv.lab.datasets import coco

import pytest
from click.testing import CliRunner
from layouts import write

MAT_HEADER = 116  # bytes of free text at the start of a .mat file: it holds the date


def digests(folder):
    """A checksum for each file; of MATLAB's files without the date they carry."""
    return {
        str(path.relative_to(folder)): hashlib.sha1(
            path.read_bytes()[MAT_HEADER if path.suffix == ".mat" else 0 :]
        ).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("layout", list(datasets.LAYOUTS))
def test_the_seed_decides(folders, tmp_path, layout):
    first, again, other = (
        digests(folders[layout]),
        write(layout, tmp_path / "a"),
        write(layout, tmp_path / "b", 1),
    )
    assert digests(again) == first
    assert digests(other) != first


@pytest.mark.parametrize("layout", list(datasets.LAYOUTS))
def test_the_folder_says_what_it_is(folders, tmp_path, layout):
    assert datasets.layout_of(folders[layout]) == layout
    assert datasets.layout_of(tmp_path) is None and datasets.layout_of(tmp_path / "absent") is None


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(DOConvError, match="not empty"):
        write("cifar", tmp_path)
    with pytest.raises(DOConvError, match="is a file"):
        write("cifar", tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").read_text() == "precious"


def test_an_empty_folder_and_new_parents_are_welcome(tmp_path):
    (tmp_path / "empty").mkdir()
    write("cifar", tmp_path / "empty")
    write("cifar", tmp_path / "new" / "cifar")
    assert datasets.layout_of(tmp_path / "empty") == datasets.layout_of(tmp_path / "new" / "cifar") == "cifar"


def test_the_folder_one_is_in_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DOConvError, match="the folder you are in"):
        write("cifar", ".")


def test_a_crash_leaves_nothing(tmp_path, monkeypatch):
    def crash(*_):
        raise RuntimeError("crash")

    monkeypatch.setattr(coco, "_annotation", crash)
    with pytest.raises(RuntimeError, match="crash"):
        write("coco", tmp_path / "coco")
    assert not list(tmp_path.iterdir())


def test_what_came_into_the_folder_meanwhile_stays(tmp_path, monkeypatch):
    target = tmp_path / "cifar"

    def intrude(folder, layout, plan):
        target.mkdir()
        (target / "mine").write_text("precious")

    monkeypatch.setattr(datasets, "mark", intrude)
    with pytest.raises(DOConvError, match="cannot be written"):
        write("cifar", target)
    assert [path.name for path in tmp_path.rglob("*")] == ["cifar", "mine"]


@pytest.mark.parametrize(
    ("layout", "arguments", "words"),
    [
        ("voc", {"images": 0}, "at least one"),
        ("voc", {"seed": -1}, "from 0 up"),
        ("voc", {"size": (31, 64)}, "no side below 32"),
        ("cifar", {"images": 4}, "at least 5"),
        ("cifar", {"size": (64, 64)}, "32x32"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, layout, arguments, words):
    with pytest.raises(DOConvError, match=words):
        datasets.write(layout, tmp_path / "data", **arguments)
    assert not list(tmp_path.iterdir())


def call(*arguments, code=0):
    result = CliRunner().invoke(main, ["data", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_command_line(tmp_path):
    said = call("imagenet", tmp_path / "a b", "--images", 3, "--size", "40x56", "--seed", 5, "--rec")
    assert f"ln -sT '{tmp_path}/a b' ~/.mxnet/datasets/imagenet" in said
    made = json.loads((tmp_path / "a b" / "gluon_doconv-rehearsal.json").read_text())
    digits = list(range(10))
    assert made == {"layout": "imagenet", "images": 3, "size": [40, 56], "seed": 5, "digits": digits}
    assert (tmp_path / "a b" / "rec" / "train.rec").is_file()
    with open(tmp_path / "a b" / "rec" / "train.rec", "rb") as file:
        assert struct.unpack("<I", file.read(4)) == (0xCED7230A,)


@pytest.mark.parametrize("layout", list(datasets.LAYOUTS))
def test_command_line_has_every_layout(tmp_path, layout):
    call(layout, tmp_path / layout, "--images", 5)
    assert datasets.layout_of(tmp_path / layout) == layout
    assert "not empty" in call(layout, tmp_path / layout, code=1)


def test_command_line_refuses_what_is_not_a_size(tmp_path):
    assert "'12' is not of the form 240x320" in call("voc", tmp_path / "voc", "--size", "12", code=2)

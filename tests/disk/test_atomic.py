"""Files: whole or not at all, several together, and each stays the file that it was."""

import errno
import os
import stat

from gluon_doconv import DOConvError
from gluon_doconv.disk import journal
from gluon_doconv.disk.atomic import write_files

import pytest


def test_several_files(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    two.write_text("old, and longer")
    write_files({one: [b"new ", b"one"], str(two): [b"new two"]})
    assert contents(tmp_path) == {"one": b"new one", "two": b"new two"}
    with (tmp_path / "ordinary").open("w"):
        pass
    assert one.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_what_was_a_file_stays_that_file(tmp_path):
    private, other_name, link = (tmp_path / name for name in ("private", "other name", "link"))
    private.write_text("a long old content")
    private.chmod(0o640)
    os.link(private, other_name)
    link.symlink_to("other name")
    before = private.stat()
    write_files({link: [b"new"]})
    after = private.stat()
    assert (after.st_ino, after.st_mode, after.st_nlink) == (before.st_ino, before.st_mode, 2)
    assert link.is_symlink() and contents(tmp_path) == dict.fromkeys(["private", "other name", "link"], b"new")
    other_name.unlink()
    write_files({link.parent / "private": [b"newer"]})
    assert stat.S_IMODE(private.stat().st_mode) == 0o640


def test_a_link_to_what_is_not_there_yet(tmp_path):
    (tmp_path / "link").symlink_to("file")
    write_files({tmp_path / "link": [b"new"]})
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "new"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    os.chown(file, 1234, 1235)
    write_files({file: [b"new"]})
    assert (file.read_text(), file.stat().st_uid, file.stat().st_gid) == ("new", 1234, 1235)


def test_where_the_owner_cannot_be_kept_the_file_is(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("old")
    before = file.stat().st_ino
    monkeypatch.setattr(journal, "give", lambda new, old: False)
    write_files({file: [b"new"]})
    assert (file.read_text(), file.stat().st_ino) == ("new", before)
    assert os.listdir(tmp_path) == ["file"]


def folder(path):
    path.mkdir()


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/full")


def link_to_itself(path):
    path.symlink_to(path.name)


def below_a_file(path):
    path.parent.rmdir()
    path.parent.write_text("")


def without_a_folder(path):
    path.parent.rmdir()


@pytest.mark.parametrize("obstacle", [folder, pipe, device, link_to_itself, below_a_file, without_a_folder])
def test_of_several_targets_none_is_written_if_one_cannot_be(tmp_path, obstacle):
    one, two = tmp_path / "one", tmp_path / "sub" / "two"
    one.write_text("old")
    two.parent.mkdir()
    obstacle(two)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DOConvError, match="sub"):
        write_files({one: [b"new"], two: [b"new"]})
    assert one.read_text() == "old" and sorted(tmp_path.rglob("*")) == before


def test_names_that_are_too_long(tmp_path):
    write_files({tmp_path / ("x" * 255): [b""]})
    with pytest.raises(DOConvError, match="cannot be written: File name too long"):
        write_files({tmp_path / ("x" * 256): [b""]})
    assert os.listdir(tmp_path) == ["x" * 255]


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def fill(path, kind):
    """Two files of three to write: an old one, one of another name as well, and a new one."""
    (path / "one").write_text("old one")
    (path / "two").write_text("old two, and long")
    if kind == "linked":
        os.link(path / "two", path.parent / "linked")
    return {path / name: [b"new ", name.encode()] for name in ("one", "two", "three")}


class Failing:
    def __init__(self, real, number):
        self.real, self.left = real, number

    def __call__(self, *args, **kwargs):
        self.left -= 1
        if self.left == -1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.real(*args, **kwargs)


@pytest.mark.parametrize("kind", ["plain", "linked"])
@pytest.mark.parametrize("call", ["write", "fsync", "replace", "link", "chmod", "mkdir"])
def test_whatever_fails_every_file_is_as_it_was(tmp_path, monkeypatch, call, kind):
    """The n-th call of a kind fails, for every n there is."""
    real = getattr(os, call)
    for number in range(100):
        path = tmp_path / str(number)
        path.mkdir()
        wanted = fill(path, kind)
        before, failing = contents(path), Failing(real, number)
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                write_files(wanted)
            except DOConvError as error:
                assert "No space left on device" in str(error)
                assert contents(path) == before
            else:
                assert contents(path)["one"] == b"new one"
        (tmp_path / "linked").unlink() if kind == "linked" else None
        if failing.left >= 0:
            return
    raise AssertionError("it never succeeded")


def test_content_that_fails(tmp_path):
    def pieces():
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_files({tmp_path / "one": [b"whole"], tmp_path / "two": pieces()})
    assert not os.listdir(tmp_path)


def test_what_the_disk_did_not_keep(tmp_path, monkeypatch):
    (tmp_path / "one").write_text("old")
    monkeypatch.setattr(os, "fsync", lambda handle: os.truncate(f"/proc/self/fd/{handle}", 1))
    with pytest.raises(DOConvError, match="read back"):
        write_files({tmp_path / "one": [b"longer"]})
    assert contents(tmp_path) == {"one": b"old"}

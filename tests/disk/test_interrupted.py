"""What a killed process has left is undone or removed; what a living one is at is not."""

import os
import tempfile

from gluon_doconv import DOConvError
from gluon_doconv.disk import journal, transaction
from gluon_doconv.disk.atomic import temporary_folder, write_files
from gluon_doconv.disk.reading import read_text

import pytest


def test_what_a_killed_process_has_left_is_removed_and_what_a_living_one_has_is_not(tmp_path):
    left = tmp_path / f"{transaction.PREFIX}killed"
    (left / "sub").mkdir(parents=True)
    (left / "0").write_text("half")
    mine = tmp_path / "own.part"
    mine.write_text("somebody's")
    with transaction.transaction(tmp_path) as living:
        assert not left.exists()
        write_files({tmp_path / "file": [b"new"]})
        assert living.exists()
    assert sorted(os.listdir(tmp_path)) == ["file", "own.part"]


def half_done(folder, monkeypatch):
    """Two files of which a killed process had put one into its place."""
    files = {folder / "one": [b"new one"], folder / "two": [b"new two"]}
    for file in files:
        file.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "sync", lambda path: None)
        patch.setattr(transaction, "undo", lambda path: None)
        real = os.replace

        def replace(source, target):
            if target.name == "two":
                raise KeyboardInterrupt
            real(source, target)

        patch.setattr(os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            write_files(files)


def test_a_reader_undoes_what_was_half_done(tmp_path, monkeypatch):
    half_done(tmp_path, monkeypatch)
    assert (tmp_path / "one").read_text() == "new one"
    assert read_text(tmp_path / "one") == "old"
    assert sorted(os.listdir(tmp_path)) == ["one", "two"]


def test_what_somebody_has_written_since_stays(tmp_path, monkeypatch):
    half_done(tmp_path, monkeypatch)
    (tmp_path / "one").write_text("newest")
    assert read_text(tmp_path / "one") == "newest"
    assert (tmp_path / "two").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["one", "two"]


def test_a_journal_that_speaks_of_files_elsewhere(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    half_done(folder, monkeypatch)
    (written,) = folder.glob(f"{transaction.PREFIX}*/{journal.JOURNAL}")
    written.write_text(written.read_text().replace('"one"', '"../elsewhere"'))
    (tmp_path / "elsewhere").write_text("untouched")
    with pytest.raises(DOConvError, match="cannot be undone: its journal speaks of files elsewhere"):
        read_text(folder / "two")
    written.write_text("[" * 100_000)
    with pytest.raises(DOConvError, match="cannot be undone: it is nested too deeply"):
        write_files({folder / "two": [b""]})
    assert (tmp_path / "elsewhere").read_text() == "untouched"


def test_temporary_folders_of_killed_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"{transaction.PREFIX}killed").mkdir()
    with temporary_folder() as folder:
        write_files({folder / "file": [b""]})
        assert os.listdir(tmp_path) == [folder.parent.name]
    assert not os.listdir(tmp_path)


def test_processes_that_write_the_same_files_at_once(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    children = []
    for writer in range(3):
        children.append(os.fork())
        if not children[-1]:
            failed = True
            try:
                for turn in range(20):
                    write_files({one: [b"%d %d" % (writer, turn)], two: [b"%d %d" % (writer, turn)]})
                failed = False
            finally:
                os._exit(failed)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert one.read_bytes() == two.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["one", "two"]

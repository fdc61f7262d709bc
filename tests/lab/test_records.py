"""Records of trainings: which are gone on with, and what is said of damaged ones."""

from dataclasses import replace
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.lab import records
from gluon_doconv.lab.configuration import AnnealedRecipe
from gluon_doconv.lab.records import Epoch, Record

import pytest
from trainings import RECIPE, TINY, trained

COMMITTED = Path(__file__).parents[2] / "docs" / "results" / "digits" / "results.jsonl"


def test_a_training_of_other_settings_is_not_gone_on_with(tiny_network, tmp_path):
    trained(tmp_path)
    other = replace(TINY, recipe=replace(RECIPE, learning_rate=0.2))
    with pytest.raises(doconv.DOConvError, match="is a training of other settings"):
        records.open_record(other, 3, tmp_path)
    with pytest.raises(doconv.DOConvError, match="is a training of other settings"):
        records.open_record(TINY, 4, tmp_path)


def test_a_training_begun_with_other_versions_is_not_gone_on_with(tmp_path, monkeypatch):
    begun = Record(TINY, 0, {**records.versions(), "mxnet": "0"}, (Epoch(1, 0.5, 0.5, 1),))
    begun.save(tmp_path)
    with pytest.raises(doconv.DOConvError, match="was begun on"):
        records.open_record(TINY, 0, tmp_path)
    replace(begun, epochs=begun.epochs * RECIPE.epochs).save(tmp_path)
    assert records.open_record(TINY, 0, tmp_path).finished


def test_a_training_begun_before_a_version_was_recorded_is_gone_on_with(tmp_path):
    known = {name: version for name, version in records.versions().items() if name != "gluoncv"}
    begun = Record(TINY, 0, known, (Epoch(1, 0.5, 0.5, 1),))
    begun.save(tmp_path)
    assert records.open_record(TINY, 0, tmp_path) == begun


def test_damaged_records_are_named(tmp_path):
    (tmp_path / "record.json").write_text('{"seed": 1')
    with pytest.raises(doconv.DOConvError, match=r"record\.json is damaged"):
        records.open_record(TINY, 0, tmp_path)
    (tmp_path / "results.jsonl").write_text(Record(TINY, 0, {}, (Epoch(1, 0.5, 0.5, 1),)).to_json() + "\n{}\n")
    with pytest.raises(doconv.DOConvError, match=r"results\.jsonl, line 2, is no record"):
        records.read_results(tmp_path / "results.jsonl")


def test_the_committed_results_are_read_and_would_be_written_as_they_are():
    text = COMMITTED.read_text()
    found = records.read_results(COMMITTED)
    assert len(found) == len(text.splitlines()) > 100 and all(record.finished for record in found)
    assert "".join(f"{record.to_json()}\n" for record in found) == text


def test_a_training_of_a_demo_is_read_as_it_was_written():
    annealed = replace(TINY, recipe=AnnealedRecipe(epochs=1, batch_size=8, learning_rate=0.1, curve="poly"))
    record = Record(
        replace(TINY, backbone=annealed), 3, {"mxnet": "1"}, (Epoch(0.5, None, 0.25, 1.0, {"AP": 0.25}),)
    )
    assert Record.from_json(record.to_json()) == record

"""Records of what a run finds out, against lines written by hand."""

from dataclasses import dataclass

from verification.records import Records


@dataclass(frozen=True)
class Finding:
    what: str
    passed: bool = False


def test_what_was_written_by_hand_is_read(tmp_path):
    file = tmp_path / "found.jsonl"
    file.write_text('{"what": "b", "passed": true}\n{"what": "a"}\n')
    assert Records(file, Finding).read() == {"b": Finding("b", True), "a": Finding("a")}


def test_where_there_is_no_file_nothing_is_known(tmp_path):
    records = Records(tmp_path / "found.jsonl", Finding)
    assert records.read() == {} and len(records) == 0


def test_each_run_adds_to_the_former_ones_and_the_last_word_holds(tmp_path):
    file = tmp_path / "found.jsonl"
    Records(file, Finding).add(Finding("b"))
    Records(file, Finding).add(Finding("a"))
    later = Records(file, Finding)
    later.add(Finding("b", True))
    assert list(later.read().items()) == [("b", Finding("b", True)), ("a", Finding("a"))]
    assert len(later) == 3
    assert file.read_text().splitlines()[-1] == '{"what": "b", "passed": true}'

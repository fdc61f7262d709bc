"""Markdown tables and pages against ones written by hand."""

from pathlib import Path

from verification.pages import MARK, markdown, read_results, write_results

BY_HAND = """\
| case   | found   |
|--------|---------|
| a/b    | 1.50    |
| c      |         |"""


def test_cells_are_as_given_and_bars_do_not_end_them():
    assert markdown([("a|b", "1.50"), ("c", "")], ["case", "found"]) == BY_HAND


def test_results_replace_the_former_ones_and_prose_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\nWhat is asked.\n\n{MARK}\n| old |\n")
    assert read_results(page) == "| old |"
    write_results(page, "| new |")
    assert page.read_text() == f"# Title\n\nWhat is asked.\n\n{MARK}\n| new |\n"


def test_a_page_that_is_not_there_has_no_results_yet(tmp_path):
    page = tmp_path / "page.md"
    assert read_results(page) == ""
    write_results(page, "| new |")
    assert read_results(page) == "| new |"


def test_the_pages_of_this_project_have_results():
    written = [
        page for page in (Path(__file__).parents[2] / "docs" / "results").glob("*.md") if page.stem != "index"
    ]
    assert len(written) > 6
    for page in written:
        assert not page.read_text().startswith(MARK) and "|---" in read_results(page)

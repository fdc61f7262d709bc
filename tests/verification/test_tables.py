"""Markdown tables against one written by hand."""

from verification.tables import markdown

BY_HAND = """\
| case   | found   |
|--------|---------|
| a/b    | 1.50    |
| c      |         |"""


def test_cells_are_as_given_and_bars_do_not_end_them():
    assert markdown([("a|b", "1.50"), ("c", "")], ["case", "found"]) == BY_HAND

"""Marked lines go in and come out again to the byte, whatever the file is like."""

import codecs

from gluon_doconv.checkout.insertion import MARK, Insertion, insert, is_marked, marked_lines, remove

from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(st.text("ab é\t#'\"", max_size=6).map(str.encode), max_size=8)


@st.composite
def files(draw):
    """A file with one kind of line ends, with or without a last one, with or without a byte order mark."""
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    content = end.join(draw(LINES)) + draw(st.sampled_from([b"", end]))
    return draw(st.sampled_from([b"", codecs.BOM_UTF8])) + content


@st.composite
def files_and_insertions(draw):
    content = draw(files())
    count = content.count(b"\n") + (not content.endswith(b"\n") and content not in (b"", codecs.BOM_UTF8))
    places = draw(st.sets(st.integers(0, count), max_size=3))
    return content, [Insertion(place, ("first = 1", "    second = 2")) for place in places]


@given(files_and_insertions())
def test_removing_is_the_inverse_of_inserting(case):
    content, insertions = case
    patched = insert(content, insertions)
    assert len(marked_lines(patched)) == 2 * len(insertions)
    assert patched.startswith(codecs.BOM_UTF8) == content.startswith(codecs.BOM_UTF8)
    assert remove(patched) == content


@given(files_and_insertions(), st.data())
def test_what_is_edited_in_between_stays_edited(case, data):
    content, insertions = case
    original, patched = content.splitlines(True), insert(content, insertions).splitlines(True)
    kept = [number for number, line in enumerate(patched) if not is_marked(line)]
    if not original or content.startswith(codecs.BOM_UTF8):
        return
    edited = data.draw(st.integers(0, len(original) - 1))
    for lines, number in ((original, edited), (patched, kept[edited])):
        line = lines[number]
        lines[number] = b"edited" + line[len(line.rstrip(b"\r\n")) :]
    assert remove(b"".join(patched)) == b"".join(original)


def test_line_ends_are_those_of_the_file():
    assert insert(b"a\r\nb", [Insertion(1, ("x",)), Insertion(2, ("y",))]) == (
        b"a\r\nx" + MARK + b"\r\nb\r\ny" + MARK
    )

"""Whatever the text is, a line stays one, and what was written can be read back."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.utils.escaping import escaped, indented, json_object, quoted, word

# Lone surrogates too: they stand for bytes that are no text.
ANY = st.text(st.characters(codec=None, exclude_categories=()))
# JSON takes two halves that stand together for one sign.
WHOLE = st.text(st.characters(exclude_categories=("Cs",)))


@given(ANY)
@example("\x1b[31m\x9b\x7f\u202e\u2028\r\n\t\ud800")
def test_escaped_is_one_line_without_controls(text: str) -> None:
    assert escaped(text).isprintable()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert escaped(text) == text


@given(ANY)
@example('\\"')
def test_quotes_read_back(text: str) -> None:
    shown = quoted(text)
    assert shown.isascii() and shown.isprintable()
    assert shown[1:-1].encode("ascii").decode("unicode_escape") == text
    assert '"' not in shown[1:-1].replace("\\\\", "").replace('\\"', "")


@given(ANY)
def test_a_word_has_no_blanks(text: str) -> None:
    assert len(word(text).split()) <= 1


@given(ANY)
def test_no_line_of_several_begins_as_a_log_line_does(text: str) -> None:
    lines = indented(text).split("\n")
    assert len(lines) == text.count("\n") + 1
    assert all(line.startswith("  ") and line.isprintable() for line in lines)


@given(st.dictionaries(WHOLE, WHOLE))
@example({"": "\ud800"})
@example({"\x1b": "\u202e\x7f\U000e0001"})
def test_json_reads_back_from_one_line_without_controls(fields: dict[str, str]) -> None:
    line = json_object(fields)
    assert line.isprintable()
    assert json.loads(line) == fields

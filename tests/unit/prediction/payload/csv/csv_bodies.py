"""Generated CSV bodies: quotes, newlines, unicode, empty cells, mixed types, odd column names."""

from __future__ import annotations

from hypothesis import strategies as st

from datarobot_drum.drum.utils.gaps import MISSING

DIGITS = st.text("0123456789", min_size=1, max_size=22)
DECIMALS = st.builds(
    "{}{}.{}{}".format,
    st.sampled_from(["", "-", "+"]),
    DIGITS,
    DIGITS,
    st.sampled_from(["", "e5", "E-12", "e+22", "e-330", "e400", "e"]),
)
FLOATS = st.floats().map(repr)
INTEGERS = st.integers(-(10**20), 10**20).map(str) | st.integers(-99, 99).map(str)
ODD_NUMBERS = st.sampled_from(
    "007 -0 +5 .5 5. -.5 +.5e1 . - + e5 1e5 1E-05 1_000 0x1F 1,5 1e 1e+ 1.2.3 １２ ٣ inf -inf "
    "Infinity +Infinity iNf nan -nan 1e-400 1e400 12345678901234567890 18446744073709551616 "
    "2020-01-01 12:30 10% $5 1-2 --1 1+2 [1.5] {1.5} 1.5]".split()
)
WORDS = st.sampled_from(
    "True TRUE true tRue False FALSE false yes no male Biscoe é 北京 😀 a'b a;b".split()
)
BLANKS = st.sampled_from(["", " ", "\t", " 1", "1 ", " 1.5 ", " a", "a ", "a b", " NA", "\u00a01"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=6)
NASTY = st.text(',"\n\r\t\0 a1.', max_size=5)
MISSING_WORDS = st.sampled_from(sorted(MISSING) + ["na", "Na", "Null", "none", "NONE", "N/a"])

CELL_KINDS = [
    DECIMALS,
    FLOATS,
    INTEGERS,
    ODD_NUMBERS,
    WORDS,
    BLANKS,
    TEXT,
    NASTY,
    MISSING_WORDS,
    FLOATS | INTEGERS,
    FLOATS | MISSING_WORDS,
    INTEGERS | MISSING_WORDS,
    WORDS | MISSING_WORDS,
    INTEGERS | WORDS,
    st.one_of(DECIMALS, INTEGERS, ODD_NUMBERS, WORDS, BLANKS, TEXT, NASTY, MISSING_WORDS),
]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["a", "a", "a.1", "b", "", " a ", "1", "é", 'q"', "x,y", "Unnamed: 0", "nan"]
)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@st.composite
def csv_bodies(draw: st.DrawFn) -> bytes:
    width = draw(st.integers(1, 4))
    kinds = [draw(st.sampled_from(CELL_KINDS)) for _ in range(width)]
    quoting = draw(st.sampled_from(["never", "needed", "always"]))

    def field(cell: str) -> str:
        special = any(character in cell for character in ',"\n\r')
        return _quoted(cell) if quoting == "always" or (quoting == "needed" and special) else cell

    header = [draw(NAMES) for _ in range(width)]
    rows = draw(st.lists(st.tuples(*kinds), max_size=5))
    line_end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"]))
    lines = [",".join(map(field, row)) for row in [header, *rows]]
    text = line_end.join(lines) + draw(st.sampled_from(["", "\n", line_end, "\n\n", ",", " "]))
    return draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"])) + text.encode()

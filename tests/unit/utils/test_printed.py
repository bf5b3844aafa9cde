"""What is printed becomes whole records, and none of it is lost."""

from __future__ import annotations

import io
import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.utils.printed import LONGEST, PrintedStream


class Printing:
    """A stream, and the records that came out of it."""

    def __init__(self) -> None:
        self.context = ""
        self.out = io.StringIO()
        self.stream = PrintedStream(
            self.out, lambda line, context: f"{context}|{line}", lambda: self.context
        )

    @property
    def records(self) -> list[str]:
        return self.out.getvalue().splitlines()


def test_a_line_is_one_record_however_it_is_printed() -> None:
    printing = Printing()
    print("a", "b", end="", file=printing.stream)
    assert printing.records == []
    print("c", file=printing.stream, flush=True)
    printing.stream.buffer.write(b"bytes \xff\r\n\n")

    assert printing.records == ["|a bc", "|bytes \\xff"]


@given(st.lists(st.text("ab\nü", max_size=5), max_size=20))
def test_pieces_make_the_lines_of_the_whole(pieces: list[str]) -> None:
    printing = Printing()
    for piece in pieces:
        printing.stream.write(piece)
    printing.stream.finish()

    assert printing.records == [f"|{line}" for line in "".join(pieces).split("\n") if line]


def test_what_was_begun_for_one_request_is_not_taken_for_anothers() -> None:
    printing = Printing()
    printing.context = "one"
    printing.stream.write("begun")
    printing.context = "two"
    printing.stream.write("whole\n")

    assert printing.records == ["one|begun", "two|whole"]


def test_each_thread_has_a_line_of_its_own() -> None:
    printing = Printing()
    printing.stream.write("here ")
    other = threading.Thread(target=print, args=("there",), kwargs={"file": printing.stream})
    other.start()
    other.join()
    printing.stream.write("too\n")

    assert printing.records == ["|there", "|here too"]


def test_a_line_without_an_end_is_cut() -> None:
    printing = Printing()
    printing.stream.write("x" * (LONGEST + 1))

    assert printing.records == ["|" + "x" * LONGEST]


def test_a_new_process_does_not_end_what_others_have_begun() -> None:
    printing = Printing()
    printing.stream.write("begun")
    child = os.fork()
    if child == 0:
        printing.stream.finish()
        os._exit(len(printing.records))
    _, status = os.waitpid(child, 0)

    assert status == 0


def test_a_secret_at_the_cut_is_not_shown_in_halves() -> None:
    out = io.StringIO()

    def clean(text: str) -> str:
        return text.replace("hidden", "*")

    stream = PrintedStream(out, lambda line, _: clean(line), str, clean)
    stream.write("a" * (LONGEST - 3) + "hidden" + "ü" * 10 + "\n")

    assert out.getvalue().replace("\n", "") == "a" * (LONGEST - 3) + "*" + "ü" * 10

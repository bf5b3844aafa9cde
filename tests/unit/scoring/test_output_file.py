"""Where predictions are written when they cannot take a file's place by a rename."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from datarobot_drum.drum.exceptions import DrumCommonException, ModelError, UsageError
from datarobot_drum.drum.scoring.output_file import check_output, write_output


def new(file: BinaryIO) -> None:
    file.write(b"new\n")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "out.csv"
    path.write_text("old and longer\n")
    return path


def refuse_rename(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def replace(*_paths: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", replace)


def test_a_file_mounted_by_itself_is_written_in_place(old: Path, monkeypatch: pytest.MonkeyPatch):
    refuse_rename(monkeypatch, errno.EBUSY)
    write_output(new, str(old))
    assert [path.read_text() for path in old.parent.iterdir()] == ["new\n"]


def test_a_rename_that_fails_leaves_the_old_file(old: Path, monkeypatch: pytest.MonkeyPatch):
    refuse_rename(monkeypatch, errno.EIO)
    with pytest.raises(DrumCommonException, match=f"cannot be written to {old}: Input/output"):
        write_output(new, str(old))
    assert [path.read_text() for path in old.parent.iterdir()] == ["old and longer\n"]


def test_in_a_directory_of_others_the_file_itself_must_be_writable(
    old: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) == old)
    check_output(str(old))
    write_output(new, str(old))
    assert old.read_text() == "new\n"
    with pytest.raises(UsageError, match="no permission to write there"):
        check_output(str(old.with_name("another.csv")))


def fails_halfway(file: BinaryIO) -> None:
    file.write(b"half\n")
    raise ModelError("The model's output has text that is not Unicode.")


@pytest.mark.parametrize("may_be_replaced", [True, False])
def test_what_fails_while_it_is_written_leaves_the_old_file(
    old: Path, monkeypatch: pytest.MonkeyPatch, may_be_replaced: bool
):
    if not may_be_replaced:
        monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) == old)
    with pytest.raises(ModelError):
        write_output(fails_halfway, str(old))
    assert [path.read_text() for path in old.parent.iterdir()] == ["old and longer\n"]


def test_what_fails_while_it_is_written_is_not_on_stdout(capfdbinary: pytest.CaptureFixture[bytes]):
    with pytest.raises(ModelError):
        write_output(fails_halfway, None)
    assert capfdbinary.readouterr().out == b""

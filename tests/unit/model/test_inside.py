"""What lies inside of a model folder, and which links lead out of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from datarobot_drum.drum.model.inside import is_inside, links_out
from tests.unit.folders import load, write_folder

SCORE = "def score(data, model, **kwargs):\n    return pd.DataFrame({'p': [1.0] * len(data)})\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "weights.bin").write_text("")
    return write_folder(tmp_path / "folder", SCORE)


def test_links_out_of_the_folder_are_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / "sub").mkdir()
    (folder / "sub" / "weights.bin").symlink_to(elsewhere / "weights.bin")
    (folder / "data").symlink_to("../elsewhere")
    (folder / "gone").symlink_to("/no/such/place")
    with caplog.at_level(logging.WARNING):
        load(folder, "regression")
    (line,) = [text for text in caplog.messages if "Links lead out of the model folder" in text]
    for link in (f"sub/weights.bin -> {elsewhere}/weights.bin", "data -> ../elsewhere", "gone -> "):
        assert link in line


def test_of_many_links_some_are_named(folder: Path) -> None:
    for number in range(8):
        (folder / f"link{number}").symlink_to("/elsewhere")
    (line,) = links_out(str(folder))
    assert "link4 -> /elsewhere and 3 more." in line


def test_links_within_the_folder_are_nothing_to_tell(folder: Path) -> None:
    """Kubernetes mounts a folder so: a link to a link to a directory."""
    (folder / "..2026_01").mkdir()
    (folder / "..2026_01" / "weights.bin").write_text("")
    (folder / "..data").symlink_to("..2026_01")
    (folder / "weights.bin").symlink_to("..data/weights.bin")
    (folder / "loop").symlink_to("loop")
    assert links_out(str(folder)) == []


def test_a_hidden_link_within_leads_out(folder: Path) -> None:
    (folder / "..data").symlink_to("../elsewhere")
    (folder / "weights.bin").symlink_to("..data/weights.bin")
    (line,) = links_out(str(folder))
    assert "weights.bin -> ..data/weights.bin" in line


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder)
    (folder / "custom_link.py").symlink_to("custom.py")
    assert links_out(str(tmp_path / "current")) == []
    assert is_inside(tmp_path / "current", folder / "no" / "such.txt")


@pytest.mark.parametrize("name", ["../folder2/a", "..", "/", "sub/../../a"])
def test_what_is_not_inside(folder: Path, name: str) -> None:
    assert not is_inside(folder, folder / name)

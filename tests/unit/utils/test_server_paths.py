"""Paths of this machine are taken out of texts in every spelling."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from datarobot_drum.drum.masking import for_client
from datarobot_drum.drum.utils.server_paths import SHOWN, without_paths

FORMS = {
    "{}": SHOWN,
    "failed:{}": f"failed:{SHOWN}",
    "failed: {}: no": f"failed: {SHOWN}: no",
    "file://{}": f"file://{SHOWN}",
    "file://localhost{}": f"file://localhost{SHOWN}",
    "sqlite:///{}": f"sqlite://{SHOWN}",
    "'sqlite:///{}'": f"'sqlite://{SHOWN}'",
    "PATH={}:{}": f"PATH={SHOWN}:{SHOWN}",
    "at /{}": f"at {SHOWN}",
    "({}), [{}]; <{}>": f"({SHOWN}), [{SHOWN}]; <{SHOWN}>",
    "{}.": f"{SHOWN}.",
    "No such file: '{}'": f"No such file: '{SHOWN}'",
    '"{}"': f'"{SHOWN}"',
    "{} or {}": f"{SHOWN} or {SHOWN}",
}


@pytest.mark.parametrize("name", ["model.pkl", "a model of mine.pkl", "no dots", "ä+b,c=d/x-y.z"])
@pytest.mark.parametrize("form", FORMS)
def test_a_path(tmp_path: Path, form: str, name: str) -> None:
    folder = tmp_path / "my folder, with blanks" / "of models"
    path = folder / name
    path.parent.mkdir(parents=True)
    path.touch()
    assert without_paths(form.format(*[path] * 3)) == FORMS[form]


@pytest.mark.parametrize(
    "encode",
    [
        quote,
        lambda path: quote(path, safe=""),
        lambda path: path.replace("/", "\\/"),
        lambda path: path.replace(" ", "\\ "),
    ],
)
def test_an_encoded_path(tmp_path: Path, encode: object) -> None:
    folder = tmp_path / "a folder" / "x"
    folder.mkdir(parents=True)
    assert callable(encode)
    assert for_client(f"at {encode(str(folder))}, he said") == f"at {SHOWN}, he said"


def test_what_does_not_exist_but_its_folder_does(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    assert without_paths(f"{tmp_path}/a b/c/d.txt is missing") == f"{SHOWN} is missing"
    assert without_paths(f"{tmp_path}/my weights.bin is missing") == f"{SHOWN} is missing"
    assert without_paths(f"in {tmp_path}/../x") == f"in {SHOWN}"
    assert without_paths(f"{tmp_path} and/or that") == f"{SHOWN} and/or that"


@pytest.mark.parametrize(
    "text",
    ["use the /predict/ route", "1/2 of km/h", "http://tmp/usr/x", "and/or", "http://host/etc/x"]
    + ["//", "/", "a // b", "</tag>", "text/csv", "~/x", "http:///"],
)
def test_what_is_no_path(text: str) -> None:
    assert without_paths(text) == text

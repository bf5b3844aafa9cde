"""Runtime parameters of the runner: a value out of range is never replaced in silence."""

from __future__ import annotations

import argparse
import json

import pytest

from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs import KNOBS, Knob, knob
from datarobot_drum.drum.settings import Settings

NUMBERS = [entry for entry in KNOBS if entry.kind in ("int", "float")]
CHOICES = [entry for entry in KNOBS if entry.kind in ("choice", "bool")]


def name(entry: Knob) -> str:
    return entry.name


def give(monkeypatch: pytest.MonkeyPatch, entry: Knob, value: object) -> None:
    monkeypatch.setenv(f"MLOPS_RUNTIME_PARAM_{entry.name}", str(value))


@pytest.mark.parametrize("entry", NUMBERS, ids=name)
def test_decision_20_bounds_are_inclusive_and_named(entry: Knob, monkeypatch: pytest.MonkeyPatch):
    assert entry.minimum is not None
    assert entry.maximum is not None
    for bound in (entry.minimum, entry.maximum):
        give(monkeypatch, entry, bound)
        assert knob(entry.name) == bound
    for value in (entry.minimum - 1, entry.maximum + 1, "many", "nan", "inf"):
        give(monkeypatch, entry, value)
        with pytest.raises(SettingError) as caught:
            knob(entry.name)
        text = f"Invalid {entry.name}: '{value}'. Valid values are: {entry.range_text}."
        assert str(caught.value) == text


@pytest.mark.parametrize("entry", [e for e in NUMBERS if e.kind == "int"], ids=name)
def test_decision_20_a_fraction_is_no_whole_number(entry: Knob, monkeypatch: pytest.MonkeyPatch):
    assert entry.minimum is not None
    give(monkeypatch, entry, entry.minimum + 0.5)
    with pytest.raises(SettingError, match="a whole number from"):
        knob(entry.name)


@pytest.mark.parametrize("entry", CHOICES, ids=name)
def test_decision_20_unknown_words_are_refused(entry: Knob, monkeypatch: pytest.MonkeyPatch):
    give(monkeypatch, entry, "nonsense")
    with pytest.raises(SettingError, match=f"Invalid {entry.name}: 'nonsense'"):
        knob(entry.name)
    for word in entry.choices:
        give(monkeypatch, entry, word.upper())
        assert knob(entry.name) == word


@pytest.mark.parametrize("entry", [e for e in KNOBS if e.kind == "text"], ids=name)
@pytest.mark.parametrize(
    ("kind", "payload"), [("string", None), ("credential", {"credentialType": "c", "a": "b"})]
)
def test_what_is_no_text_is_not_turned_into_one(
    entry: Knob, monkeypatch: pytest.MonkeyPatch, kind: str, payload: object
) -> None:
    give(monkeypatch, entry, json.dumps({"type": kind, "payload": payload}))
    with pytest.raises(SettingError, match=f"Invalid {entry.name}: "):
        knob(entry.name)


@pytest.mark.parametrize("entry", [*NUMBERS, *CHOICES], ids=name)
def test_decision_20_no_server_starts_with_a_value_out_of_range(
    entry: Knob, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, entry, "nonsense")
    options = argparse.Namespace(subparser_name="server", code_dir=".", address="localhost")
    for server_type in ServerType:
        with pytest.raises(SettingError, match=f"Invalid {entry.name}: 'nonsense'"):
            Settings.from_options(options, server_type)

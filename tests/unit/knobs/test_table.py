"""Runtime parameters of the runner: a value out of range is never replaced in silence."""

from __future__ import annotations

import argparse
import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from datarobot_drum.drum.entry_point import _get_server_type
from datarobot_drum.drum.enum import ServerType
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs import knob as knob_module
from datarobot_drum.drum.knobs import reading as reading_module
from datarobot_drum.drum.knobs.kinds import (
    Choice,
    Flag,
    Networks,
    Number,
    Origins,
    OrOff,
    Text,
    Token,
    Whole,
)
from datarobot_drum.drum.knobs.knob import Knob
from datarobot_drum.drum.knobs.reading import read
from datarobot_drum.drum.knobs.serving import FastApiSettings, HttpSettings
from datarobot_drum.drum.knobs.table import KNOBS, SECTIONS, knobs_of
from datarobot_drum.drum.settings import LEAST_BODY_BUDGET, Settings, log_settings, server_choice

# Every parameter with the section and the field that it fills.
FIELDS = [
    pytest.param(section, field, knob, id=knob.name)
    for section in SECTIONS
    for field, knob in knobs_of(section).items()
]
NAMES = [
    pytest.param(section, field, knob, name, id=name)
    for section in SECTIONS
    for field, knob in knobs_of(section).items()
    for name in knob.names
]
OTHER_NAMES = [
    pytest.param(knob, other, id=other)
    for knob in KNOBS
    for other in knob.names
    if other != knob.name
]


def give(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    monkeypatch.setenv(f"MLOPS_RUNTIME_PARAM_{name}", str(value))


def bounds(knob: Knob) -> tuple[float, float] | None:
    takes = knob.takes.numbers if isinstance(knob.takes, OrOff) else knob.takes
    return (takes.minimum, takes.maximum) if isinstance(takes, Number | Whole) else None


def other_value(knob: Knob) -> object:
    """A value that is not the default."""
    if isinstance(knob.takes, Choice):
        return next(word for word in knob.takes.words if knob.takes.words[word] != knob.default)
    if isinstance(knob.takes, Flag):
        return "no" if knob.default else "yes"
    if isinstance(knob.takes, Origins):
        return "https://page.example"
    if isinstance(knob.takes, Token):
        return "a text of sixteen characters, or more"
    if isinstance(knob.takes, Networks):
        return "10.0.0.0/8"
    return "a text" if isinstance(knob.takes, Text) else max(bounds(knob) or ())


def settings(server_type: ServerType = ServerType.FLASK) -> Settings:
    options = argparse.Namespace(subparser_name="server", code_dir=".", address="localhost")
    return Settings.from_options(options, server_type)


def of_kinds(*kinds: type) -> list[Any]:
    return [param for param in NAMES if isinstance(param.values[2].takes, kinds)]


NUMBERS = of_kinds(Number, Whole, OrOff)


@pytest.mark.parametrize(("section", "field", "knob", "name"), NUMBERS)
def test_decision_20_bounds_are_inclusive_and_named(
    section: type, field: str, knob: Knob, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    minimum, maximum = bounds(knob) or ()
    for bound in (minimum, maximum):
        give(monkeypatch, name, bound)
        off = isinstance(knob.takes, OrOff) and bound == 0
        assert getattr(read(section), field) == (None if off else bound)
    for value in (minimum - 1, maximum + 1, "many", "nan", "inf"):
        give(monkeypatch, name, value)
        with pytest.raises(SettingError) as caught:
            read(section)
        text = f"Invalid {name}: '{value}'. Valid values are: {knob.takes.range_text}."
        assert str(caught.value) == text


@pytest.mark.parametrize(
    ("section", "field", "knob", "name"),
    [param for param in NUMBERS if "whole" in param.values[2].takes.range_text],
)
def test_decision_20_a_fraction_is_no_whole_number(
    section: type, field: str, knob: Knob, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    minimum, _ = bounds(knob) or ()
    give(monkeypatch, name, minimum + 0.5)
    with pytest.raises(SettingError, match="a whole number from"):
        read(section)


@pytest.mark.parametrize(
    ("section", "field", "knob", "name"), of_kinds(Choice, Flag, Networks, Origins)
)
def test_decision_20_unknown_words_are_refused(
    section: type, field: str, knob: Knob, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, name, "nonsense")
    with pytest.raises(SettingError, match=f"Invalid {name}: 'nonsense'"):
        read(section)
    for word in knob.takes.words if isinstance(knob.takes, Choice) else ():
        give(monkeypatch, name, f" {word.upper()} ")
        assert getattr(read(section), field) == knob.takes.words[word]


TEXTS = of_kinds(Text)


@pytest.mark.parametrize(("section", "field", "knob", "name"), TEXTS)
@pytest.mark.parametrize(
    ("kind", "payload"), [("string", None), ("credential", {"credentialType": "c", "a": "b"})]
)
def test_what_is_no_text_is_not_turned_into_one(
    section: type,
    field: str,
    knob: Knob,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    payload: object,
) -> None:
    give(monkeypatch, name, json.dumps({"type": kind, "payload": payload}))
    if payload is None and knob.empty_is_unset:
        assert getattr(read(section), field) is None
        return
    with pytest.raises(SettingError, match=f"Invalid {name}: "):
        read(section)


@pytest.mark.parametrize(
    ("section", "field", "knob", "name"), [param for param in NAMES if param not in TEXTS]
)
def test_decision_20_no_server_starts_with_a_value_out_of_range(
    section: type, field: str, knob: Knob, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, name, "nonsense")
    for server_type in ServerType:
        shown = re.escape(knob.shown("nonsense"))
        with pytest.raises(SettingError, match=f"Invalid {name}: {shown}"):
            settings(server_type)


@pytest.mark.parametrize(("section", "field", "knob", "name"), NAMES)
def test_every_parameter_reaches_its_field_under_each_of_its_names(
    section: type, field: str, knob: Knob, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> object:
        return settings(ServerType.FASTAPI), _get_server_type(), server_choice(), log_settings()

    before = found()
    give(monkeypatch, name, other_value(knob))
    assert getattr(read(section), field) == knob.parse(other_value(knob)) != knob.default
    # So does it reach what the start is made from.
    assert found() != before


@pytest.mark.parametrize(("section", "field", "knob"), FIELDS)
def test_what_is_not_set_has_its_default(section: type, field: str, knob: Knob) -> None:
    assert getattr(section(), field) == getattr(read(section), field) == knob.default


def test_no_name_is_given_twice() -> None:
    names = [name for knob in KNOBS for name in knob.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("knob", "other"), OTHER_NAMES)
def test_two_names_must_not_contradict_each_other(
    knob: Knob, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, knob.name, 7)
    give(monkeypatch, other, 8)
    with pytest.raises(SettingError) as caught:
        settings()
    assert str(caught.value) == (
        f"{knob.name} is '7', but {other}, another name of the same parameter, is '8'."
        " Set one of them."
    )
    give(monkeypatch, other, '{"type": "numeric", "payload": 7}')
    settings()


def test_the_names_of_one_server_that_act_on_several() -> None:
    assert {other: knob.name for knob in KNOBS for other in knob.aliases} == {
        "DRUM_UVICORN_HEADER_TIMEOUT": "DRUM_HEADER_TIMEOUT",
        "DRUM_FASTAPI_MAX_UPLOAD_SIZE": "DRUM_MAX_UPLOAD_SIZE",
        "DRUM_GUNICORN_GRACEFUL_TIMEOUT": "DRUM_GRACEFUL_TIMEOUT",
        "DRUM_FASTAPI_EXECUTOR_WORKERS": "DRUM_EXECUTOR_WORKERS",
        "DRUM_FASTAPI_EXECUTOR_QUEUE_DEPTH": "DRUM_EXECUTOR_QUEUE_DEPTH",
        "DRUM_FASTAPI_EXECUTOR_QUEUE_TIMEOUT": "DRUM_EXECUTOR_QUEUE_TIMEOUT",
    }


@pytest.mark.parametrize("name", ["DRUM_GRACEFUL_TIMEOUT", "DRUM_GUNICORN_GRACEFUL_TIMEOUT"])
def test_a_twin_applies_under_each_of_its_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, name, 8)
    assert read(FastApiSettings).graceful_timeout == 8
    give(monkeypatch, "DRUM_UVICORN_GRACEFUL_TIMEOUT", 9)
    assert read(FastApiSettings).graceful_timeout == 9
    assert read(HttpSettings).graceful_timeout == 8


def test_fastapi_alone_limits_bodies_that_nobody_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {server: settings(server).server.http.max_body for server in ServerType}
    assert limits == {
        ServerType.FLASK: None,
        ServerType.GUNICORN: None,
        ServerType.FASTAPI: 100 * 1024 * 1024,
    }
    give(monkeypatch, "DRUM_MAX_UPLOAD_SIZE", 5)
    assert {settings(server).server.http.max_body for server in ServerType} == {5}


PACKAGE = Path(knob_module.__file__).parents[2]
# What makes the settings, and what every parameter of a model passes through.
MAKERS = ("drum/knobs", "drum/settings.py", "runtime_parameters")
# Tests of users patch the class by this name, in the one function that asks for the server.
BEFORE_ALL_ELSE = {"drum/entry_point.py": {"SERVER_TYPE_PARAMETER"}}
ASKING = ("get", "has")


def questions(path: Path) -> set[str]:
    """The parameters for which a module asks, and what it imports to ask."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == reading_module.__name__:
            found.add(node.module)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ASKING
            and ast.unparse(node.func.value).endswith("RuntimeParameters")
        ):
            found.add(ast.unparse(node.args[0]))
        if isinstance(node, ast.Constant) and "MLOPS_RUNTIME_PARAM_" in str(node.value):
            found.add(str(node.value))
    return found


def test_nobody_but_the_settings_asks_for_a_parameter() -> None:
    asking = {
        str(path.relative_to(PACKAGE)): asked
        for path in PACKAGE.rglob("*.py")
        if not str(path.relative_to(PACKAGE)).startswith(MAKERS) and (asked := questions(path))
    }
    assert asking == BEFORE_ALL_ELSE
    assert questions(PACKAGE / "drum/settings.py") == {reading_module.__name__}


@pytest.mark.parametrize(
    ("server_type", "workers", "memory", "budget"),
    [
        (ServerType.FASTAPI, 1, 4 * 2**30, 2**30),
        (ServerType.GUNICORN, 4, 4 * 2**30, 2**28),
        # It has one process, whatever it is told.
        (ServerType.FLASK, 4, 4 * 2**30, 2**30),
        (ServerType.FASTAPI, 100, 2**30, LEAST_BODY_BUDGET),
        (ServerType.FASTAPI, 1, None, None),
    ],
)
def test_bodies_may_take_a_quarter_of_the_memory_unless_it_is_set(
    server_type: ServerType,
    workers: int,
    memory: int | None,
    budget: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("datarobot_drum.drum.settings.available_memory", lambda: memory)
    give(monkeypatch, "CUSTOM_MODEL_WORKERS", workers)
    assert settings(server_type).server.http.body_budget == budget
    give(monkeypatch, "DRUM_BODY_BUDGET", 2**20)
    assert settings(server_type).server.http.body_budget == 2**20


@pytest.mark.parametrize(
    "knob", [pytest.param(knob, id=knob.name) for knob in KNOBS if not knob.empty_is_unset]
)
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_text_must_not_be_empty(knob: Knob, empty: str) -> None:
    with pytest.raises(SettingError, match=f"^Invalid {knob.name}: it must not be empty. Valid"):
        knob.parse(empty)

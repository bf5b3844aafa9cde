"""One list of words for true and false, whoever reads them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from datarobot_drum.drum.command_line.options import boolean
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.predicting import TelemetrySettings
from datarobot_drum.drum.knobs.reading import read
from datarobot_drum.drum.knobs.serving import FastApiSettings
from datarobot_drum.drum.model.labels import fold_label
from datarobot_drum.drum.model.metadata import read_metadata
from datarobot_drum.drum.telemetry import ENDPOINT_VARIABLE, is_wanted
from datarobot_drum.runtime_parameters.values import typed

WORDS = {
    **dict.fromkeys(("t", "true", "y", "yes", "on", "1"), True),
    **dict.fromkeys(("f", "false", "n", "no", "off", "0", "none"), False),
}


def of_a_parameter(word: str, _folder: Path, environ: pytest.MonkeyPatch) -> bool:
    environ.setenv("MLOPS_RUNTIME_PARAM_DRUM_FASTAPI_ENABLE_DOCS", word)
    return read(FastApiSettings).docs


def of_a_models_parameter(word: str, _folder: Path, _environ: pytest.MonkeyPatch) -> object:
    return typed("boolean", word)


def of_metadata(word: str, folder: Path, _environ: pytest.MonkeyPatch) -> object:
    text = f"name: m\ntype: inference\ntargetType: regression\nmajorVersion: {word}\n"
    (folder / "model-metadata.yaml").write_text(text)
    metadata = read_metadata(str(folder))
    return metadata and metadata["majorVersion"]


def of_opentelemetrys_variable(word: str, _folder: Path, environ: pytest.MonkeyPatch) -> bool:
    environ.setenv(ENDPOINT_VARIABLE, "http://localhost:1")
    environ.setenv("OTEL_SDK_DISABLED", word)
    return not is_wanted(TelemetrySettings())


def of_an_option(word: str, _folder: Path, _environ: pytest.MonkeyPatch) -> bool:
    return boolean(word)


def of_a_label(word: str, _folder: Path, _environ: pytest.MonkeyPatch) -> bool:
    return bool(fold_label(word))


Ask = Callable[[str, Path, pytest.MonkeyPatch], object]
ALL_WORDS = (of_a_parameter, of_a_models_parameter, of_metadata, of_opentelemetrys_variable)
ALL_BUT_F = (of_an_option, of_a_label)


@pytest.mark.parametrize(
    ("ask", "word"),
    [(ask, word) for ask in ALL_WORDS for word in WORDS]
    + [(ask, word) for ask in ALL_BUT_F for word in WORDS if word != "f"],
)
def test_every_reader_knows_every_word(
    ask: Ask, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(word.upper(), tmp_path, monkeypatch) is WORDS[word]


def test_f_is_no_word_of_options_and_labels() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="value can't be converted to Bool"):
        boolean("f")
    assert fold_label("F") == "f"


@pytest.mark.parametrize("value", ["perhaps", "2"])
def test_opentelemetrys_variable_is_true_or_false(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://localhost:1")
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    with pytest.raises(SettingError, match=f"Invalid OTEL_SDK_DISABLED: '{value}'"):
        is_wanted(TelemetrySettings())


@pytest.mark.parametrize(("value", "wanted"), [("true", False), ("false", True), ("", True)])
def test_the_runtime_parameter_comes_before_opentelemetrys_variable(
    value: str, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://localhost:1")
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_OTEL_SDK_DISABLED", value)
    assert is_wanted(read(TelemetrySettings)) is wanted
    if value:
        monkeypatch.setenv("OTEL_SDK_DISABLED", "false" if value == "true" else "true")
        assert is_wanted(read(TelemetrySettings)) is wanted

"""Values from a folder's defaults and from a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from datarobot_drum import RuntimeParameters
from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.predicting import ServiceSettings
from datarobot_drum.drum.knobs.reading import read
from datarobot_drum.drum.knobs.table import other_names
from datarobot_drum.runtime_parameters import exceptions as errors
from datarobot_drum.runtime_parameters.loader import load_defaults, load_values_file
from tests.unit.runtime_parameters.defined import Folder, define, put


class TestDefaults:
    def test_apply_without_a_values_file(self, folder: Folder) -> None:
        code_dir = folder(
            define("A", "string", defaultValue="a"),
            define("B", "numeric", defaultValue=3, minValue=1, maxValue=3),
            define("C", "boolean", defaultValue=False, description="more", credentialType="x"),
        )
        load_defaults(code_dir)
        assert [RuntimeParameters.get(name) for name in "ABC"] == ["a", 3, False]

    def test_environment_wins(self, folder: Folder) -> None:
        put("A", "plain")
        put("B", json.dumps({"type": "numeric", "payload": 2}))
        load_defaults(
            folder(define("A", "string", defaultValue="a"), define("B", "numeric", defaultValue=3))
        )
        assert RuntimeParameters.get("A") == "plain"
        assert RuntimeParameters.get("B") == 2

    @pytest.mark.parametrize("more", [{}, {"defaultValue": None}, {"defaultValue": ""}])
    def test_without_any_value_it_is_none(self, folder: Folder, more: dict[str, object]) -> None:
        load_defaults(folder(define("A", "string", **more)))
        assert RuntimeParameters.get("A") is None

    def test_runner_parameter_without_any_value_stays_unset(self, folder: Folder) -> None:
        load_defaults(folder(define("DRUM_SERVER_TYPE", "string")))
        assert not RuntimeParameters.has("DRUM_SERVER_TYPE")

    @pytest.mark.parametrize("text", [None, "", '{"type":"string","payload":null}'])
    def test_a_value_may_be_demanded(self, folder: Folder, text: str | None) -> None:
        if text is not None:
            put("A", text)
        with pytest.raises(
            errors.ErrorLoadingRuntimeParameter,
            match=r"Failed to load runtime parameter 'A'\. .*may not be empty",
        ):
            load_defaults(folder(define("A", "string", allowEmpty=False)))

    def test_platform_value_is_checked_against_the_definition(self, folder: Folder) -> None:
        put("A", json.dumps({"type": "numeric", "payload": 5}))
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match="greater than 3"):
            load_defaults(folder(define("A", "numeric", maxValue=3)))

    @pytest.mark.parametrize("metadata", ["", "name: m", "a: [", "- a", None])
    def test_nothing_defined_is_fine(self, tmp_path: Path, metadata: str | None) -> None:
        if metadata is not None:
            (tmp_path / "model-metadata.yaml").write_text(metadata)
        before = dict(os.environ)
        load_defaults(str(tmp_path))
        assert dict(os.environ) == before

    @pytest.mark.parametrize(
        ("entry", "named"),
        [
            ("text", "definition"),
            ({"type": "string"}, "fieldName"),
            ({"fieldName": "", "type": "string"}, "fieldName"),
            ({"fieldName": "A"}, "type"),
            ({"fieldName": "A", "type": "text"}, "type"),
            ({"fieldName": "A", "type": ["string"]}, "type"),
            ({"fieldName": "A", "type": "numeric", "minValue": "1"}, "minValue"),
            ({"fieldName": "A", "type": "numeric", "maxValue": True}, "maxValue"),
            ({"fieldName": "A", "type": "string", "allowEmpty": "no"}, "allowEmpty"),
        ],
    )
    def test_bad_definition(self, folder: Folder, entry: dict[str, object], named: str) -> None:
        with pytest.raises(errors.ErrorLoadingRuntimeParameter) as caught:
            load_defaults(folder(entry))
        assert str(caught.value).startswith(f"Failed to load runtime parameter: {{'{named}': ")

    def test_section_that_is_no_list(self, folder: Folder) -> None:
        with pytest.raises(errors.InvalidYamlContent, match="at least one parameter definition"):
            load_defaults(folder(metadata="runtimeParameterDefinitions: {A: string}"))

    def test_duplicate(self, folder: Folder) -> None:
        with pytest.raises(
            errors.ErrorLoadingRuntimeParameter,
            match=r"^Failed to load runtime parameter \[A\], duplicated definition$",
        ):
            load_defaults(folder(define("A", "string"), define("A", "numeric")))


class TestValuesFile:
    def test_text_becomes_the_declared_type_in_defaults_and_files(
        self, folder: Folder, values: Callable[[str], str]
    ) -> None:
        code_dir = folder(
            define("A", "numeric", defaultValue="5"),
            define("B", "numeric"),
            define("C", "boolean", defaultValue="yes"),
        )
        load_values_file(values("{B: '0.5'}"), code_dir)
        assert [RuntimeParameters.get(name) for name in "ABC"] == [5, 0.5, True]

    def test_beats_environment_and_default(
        self, folder: Folder, values: Callable[[str], str]
    ) -> None:
        put("A", "environment")
        put("B", "environment")
        code_dir = folder(*[define(name, "string", defaultValue="default") for name in "ABC"])
        load_values_file(values("A: file"), code_dir)
        assert [RuntimeParameters.get(n) for n in "ABC"] == ["file", "environment", "default"]

    def test_every_type(self, folder: Folder, values: Callable[[str], str]) -> None:
        kinds = ("string", "boolean", "numeric", "credential", "deployment")
        text = "{string: a, boolean: yes, numeric: 1.5, deployment: d"
        text += ", credential: {credentialType: b}}"
        load_values_file(values(text), folder(*[define(kind, kind) for kind in kinds]))
        found = [RuntimeParameters.get(kind) for kind in kinds]
        assert found == ["a", True, 1.5, {"credentialType": "b"}, "d"]

    def test_an_empty_entry_is_a_value(self, folder: Folder, values: Callable[[str], str]) -> None:
        put("A", "environment")
        load_values_file(values("A:"), folder(define("A", "string", defaultValue="default")))
        assert RuntimeParameters.get("A") is None

    @pytest.mark.parametrize(
        ("definition", "text", "reason"),
        [
            (define("A", "numeric", minValue=1, maxValue=3), "4", "value is greater than 3"),
            (define("A", "numeric", minValue=1, maxValue=3), "0.5", "value is less than 1"),
            (define("A", "numeric", minValue=1, maxValue=3), ".nan", "value is less than 1"),
            (define("A", "numeric", maxValue=3), "'4'", "value is greater than 3"),
            (define("A", "string"), "4", "value is not a string"),
            (define("A", "string"), "''", "blank value is not allowed"),
            (define("A", "boolean"), "maybe", "value should be True or False"),
            (define("A", "credential"), "{credentialType: b, x: 2020-01-01}", "as JSON"),
            (define("A", "string", allowEmpty=False), "null", "may not be empty"),
        ],
    )
    def test_value_that_does_not_fit(
        self,
        folder: Folder,
        values: Callable[[str], str],
        definition: dict[str, object],
        text: str,
        reason: str,
    ) -> None:
        with pytest.raises(errors.ErrorLoadingRuntimeParameter) as caught:
            load_values_file(values(f"A: {text}"), folder(definition))
        assert str(caught.value).startswith("Failed to load runtime parameter 'A'. ")
        assert reason in str(caught.value)

    @pytest.mark.parametrize("number", ["1", "3", "2.5"])
    def test_bounds_are_inclusive(
        self, folder: Folder, values: Callable[[str], str], number: str
    ) -> None:
        definition = define("A", "numeric", minValue=1, maxValue=3)
        load_values_file(values(f"A: {number}"), folder(definition))
        assert RuntimeParameters.get("A") == float(number)

    def test_a_refused_file_leaves_the_environment_alone(
        self, folder: Folder, values: Callable[[str], str]
    ) -> None:
        code_dir = folder(define("A", "string"), define("B", "string"))
        with pytest.raises(errors.ErrorLoadingRuntimeParameter):
            load_values_file(values("{A: x, B: 1}"), code_dir)
        assert not RuntimeParameters.has("A")

    def test_unknown_name(self, folder: Folder, values: Callable[[str], str]) -> None:
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match=r"'TYPO'.*no definition"):
            load_values_file(values("{A: x, TYPO: y}"), folder(define("A", "string")))

    @pytest.mark.parametrize(
        ("name", "meant"), [("LIMT", "LIMIT"), ("CUSTOM_MODEL_WORKER", "CUSTOM_MODEL_WORKERS")]
    )
    def test_unknown_name_is_told_the_nearest(
        self, folder: Folder, values: Callable[[str], str], name: str, meant: str
    ) -> None:
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match=rf"Did you mean '{meant}'"):
            load_values_file(values(f"{{{name}: 1}}"), folder(define("LIMIT", "numeric")))

    def test_an_empty_text_must_not_be_empty(
        self, folder: Folder, values: Callable[[str], str]
    ) -> None:
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match="it must not be empty"):
            load_values_file(values("{A: ''}"), folder(define("A", "string")))

    def test_runner_parameters_need_neither_definition_nor_metadata(
        self, tmp_path: Path, values: Callable[[str], str]
    ) -> None:
        text = (
            "{DRUM_SERVER_TYPE: fastapi, CUSTOM_MODEL_WORKERS: 2, DRUM_CORS_ENABLED: true, LLM_ID:}"
        )
        load_values_file(values(text), str(tmp_path))
        names = ("DRUM_SERVER_TYPE", "CUSTOM_MODEL_WORKERS", "DRUM_CORS_ENABLED", "LLM_ID")
        assert [RuntimeParameters.get(name) for name in names] == ["fastapi", 2, True, None]
        assert json.loads(os.environ["MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE"]) == {
            "type": "string",
            "payload": "fastapi",
        }

    def test_a_runner_parameter_beside_the_models_own(
        self, folder: Folder, values: Callable[[str], str]
    ) -> None:
        code_dir = folder(define("A", "string", defaultValue="a"))
        load_values_file(values("DRUM_SERVER_TYPE: gunicorn"), code_dir)
        assert RuntimeParameters.get("DRUM_SERVER_TYPE") == "gunicorn"
        assert RuntimeParameters.get("A") == "a"

    def test_a_definition_of_a_runner_parameter_is_kept_to(
        self, folder: Folder, values: Callable[[str], str]
    ) -> None:
        code_dir = folder(define("CUSTOM_MODEL_WORKERS", "numeric", maxValue=2))
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match="greater than 2"):
            load_values_file(values("CUSTOM_MODEL_WORKERS: 3"), code_dir)

    def test_a_runner_parameter_is_no_mapping(
        self, tmp_path: Path, values: Callable[[str], str]
    ) -> None:
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match="'DRUM_X'"):
            load_values_file(values("DRUM_X: {a: 1}"), str(tmp_path))

    @pytest.mark.parametrize(
        ("metadata", "error", "text"),
        [
            (None, errors.InvalidInputFilePath, "must exist to use runtime parameters"),
            ("", errors.InvalidEmptyYamlContent, "Model-metadata YAML file is empty!"),
            ("a: [", errors.InvalidYamlContent, "Invalid model-metadata YAML content! "),
            ("name: m", errors.InvalidYamlContent, "at least one parameter definition in the"),
            ("runtimeParameterDefinitions: []", errors.InvalidYamlContent, "at least one"),
        ],
    )
    def test_metadata_is_needed(
        self,
        tmp_path: Path,
        values: Callable[[str], str],
        metadata: str | None,
        error: type[Exception],
        text: str,
    ) -> None:
        if metadata is not None:
            (tmp_path / "model-metadata.yaml").write_text(metadata)
        with pytest.raises(error, match=text) as raised:
            load_values_file(values("A: x"), str(tmp_path))
        assert "(the values file sets 'A')" in str(raised.value)

    @pytest.mark.parametrize(
        ("content", "error", "text"),
        [
            ("", errors.InvalidEmptyYamlContent, "parameter values YAML file is empty!"),
            ("{}", errors.InvalidEmptyYamlContent, "parameter values YAML file is empty!"),
            ("A: [", errors.InvalidYamlContent, "values YAML content! .* in line 1"),
            ("- A", errors.InvalidYamlContent, "values YAML content! It must map"),
            ("A: 2020-99-99", errors.InvalidYamlContent, "values YAML content! "),
        ],
    )
    def test_bad_file(
        self,
        folder: Folder,
        values: Callable[[str], str],
        content: str,
        error: type[Exception],
        text: str,
    ) -> None:
        with pytest.raises(error, match=text):
            load_values_file(values(content), folder(define("A", "string")))

    def test_missing_file_and_empty_paths(self, folder: Folder) -> None:
        code_dir = folder(define("A", "string"))
        with pytest.raises(errors.InvalidInputFilePath, match=r"does not exist! filepath: nowhere"):
            load_values_file("nowhere", code_dir)
        with pytest.raises(errors.InvalidInputFilePath, match="Empty runtime parameter values"):
            load_values_file("", code_dir)
        with pytest.raises(errors.InvalidInputFilePath, match="Empty code-dir path!"):
            load_values_file("values.yaml", "")


class TestOtherNames:
    """One parameter under two names: the file beats a variable, either beats a default."""

    NEW, OLD = "DRUM_EXECUTOR_WORKERS", "DRUM_FASTAPI_EXECUTOR_WORKERS"

    @pytest.mark.parametrize(("defined", "given"), [(NEW, OLD), (OLD, NEW)])
    @pytest.mark.parametrize("place", ["variable", "file"])
    def test_a_default_gives_way(
        self,
        folder: Folder,
        values: Callable[[str], str],
        defined: str,
        given: str,
        place: str,
    ) -> None:
        code_dir = folder(define(defined, "numeric", defaultValue=2))
        if place == "variable":
            put(given, "4")
            load_defaults(code_dir, other_names)
        else:
            load_values_file(values(f"{given}: 4"), code_dir, other_names)
        assert read(ServiceSettings).executor_workers == 4

    def test_a_default_counts_where_nothing_else_is_said(self, folder: Folder) -> None:
        load_defaults(folder(define(self.OLD, "numeric", defaultValue=2)), other_names)
        assert read(ServiceSettings).executor_workers == 2

    @pytest.mark.parametrize(("inside", "outside"), [(NEW, OLD), (OLD, NEW)])
    def test_the_file_beats_the_variable(
        self, folder: Folder, values: Callable[[str], str], inside: str, outside: str
    ) -> None:
        put(outside, "4")
        load_values_file(values(f"{inside}: 3"), folder(), other_names)
        assert read(ServiceSettings).executor_workers == 3


def test_the_fields_of_a_credential_are_not_shown() -> None:
    put("LLM_ID", json.dumps({"type": "credential", "payload": {"credentialType": "x", "k": "s3"}}))
    with pytest.raises(SettingError) as caught:
        read(ServiceSettings)
    assert str(caught.value).startswith("Invalid LLM_ID: *****.")


def test_a_blank_is_no_value_where_an_empty_text_is_none() -> None:
    put("LLM_ID", " ")
    assert read(ServiceSettings).llm_id is None

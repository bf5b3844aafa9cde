"""What a model gets by `RuntimeParameters.get`, and what is refused."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datarobot_drum import RuntimeParameters
from datarobot_drum.runtime_parameters import exceptions as errors
from datarobot_drum.runtime_parameters.loader import load_defaults
from tests.unit.runtime_parameters.defined import Folder, define, put


class TestGet:
    @pytest.mark.parametrize(
        ("kind", "payload"),
        [
            ("string", "fastapi"),
            ("string", "naïve ✓"),
            ("string", None),
            ("boolean", True),
            ("boolean", False),
            ("boolean", None),
            ("numeric", 4),
            ("numeric", 0.25),
            ("numeric", None),
            ("credential", {"credentialType": "basic", "password": "x"}),
            ("credential", None),
            ("deployment", "5f"),
            ("deployment", None),
        ],
    )
    def test_payload_comes_back_unchanged(self, kind: str, payload: object) -> None:
        put("A", json.dumps({"type": kind, "payload": payload}))
        value = RuntimeParameters.get("A")
        assert value == payload
        assert type(value) is type(payload)

    @pytest.mark.parametrize(
        ("kind", "payload", "value"),
        [
            ("numeric", "5", 5),
            ("numeric", " -2 ", -2),
            ("numeric", "0.25", 0.25),
            ("numeric", "1e3", 1000.0),
            ("boolean", "true", True),
            ("boolean", " No ", False),
            ("boolean", "0", False),
        ],
    )
    def test_text_in_the_platform_form_becomes_its_type(
        self, kind: str, payload: str, value: object
    ) -> None:
        put("A", json.dumps({"type": kind, "payload": payload}))
        found = RuntimeParameters.get("A")
        assert (type(found), found) == (type(value), value)

    @pytest.mark.parametrize("text", ["fastapi", "4", "true", "null", "[1]", '"x"', "", "of {q}"])
    def test_text_that_is_no_json_object_is_a_string(self, text: str) -> None:
        put("A", text)
        assert RuntimeParameters.get("A") == text

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ({"type": "string", "payload": ""}, "blank value is not allowed"),
            ({"type": "string", "payload": 4}, "value is not a string"),
            ({"type": "boolean", "payload": 1}, "value should be True or False"),
            ({"type": "boolean", "payload": "maybe"}, "value should be True or False"),
            ({"type": "boolean", "payload": ["true"]}, "value should be True or False"),
            ({"type": "numeric", "payload": True}, "value is True or False, not a number"),
            ({"type": "numeric", "payload": "four"}, "can't be converted to float"),
            ({"type": "numeric", "payload": [4]}, "can't be converted to float"),
            ({"type": "credential", "payload": "x"}, "not a dict"),
            ({"type": "credential", "payload": {"password": "x"}}, "credentialType"),
            ({"type": "deployment", "payload": ""}, "blank value is not allowed"),
            ({"type": "text", "payload": "x"}, "unknown type 'text'"),
            ({"type": ["string"], "payload": "x"}, "unknown type"),
            ({"type": "string"}, "exactly the keys"),
            ({"type": "string", "payload": "x", "more": 1}, "exactly the keys"),
            ({}, "exactly the keys"),
        ],
    )
    def test_object_of_the_wrong_shape(self, content: dict[str, object], reason: str) -> None:
        put("A", json.dumps(content))
        with pytest.raises(errors.InvalidRuntimeParam) as caught:
            RuntimeParameters.get("A", "default")
        text = str(caught.value)
        assert text.startswith("Invalid runtime parameter! env_value=")
        assert "MLOPS_RUNTIME_PARAM_A" in text
        assert reason in text

    def test_error_does_not_repeat_a_secret(self) -> None:
        put("A", json.dumps({"type": "credential", "payload": {"password": "hunter2"}}))
        with pytest.raises(errors.InvalidRuntimeParam) as caught:
            RuntimeParameters.get("A")
        assert "hunter2" not in str(caught.value)

    def test_unset(self) -> None:
        assert not RuntimeParameters.has("A")
        with pytest.raises(ValueError, match=r"^Runtime parameter 'A' does not exist!$"):
            RuntimeParameters.get("A")

    def test_default_is_for_an_unset_parameter_only(self) -> None:
        assert RuntimeParameters.get("A", None) is None
        assert RuntimeParameters.get("A", 3) == 3
        put("A", json.dumps({"type": "string", "payload": None}))
        assert RuntimeParameters.get("A", 3) is None

    def test_has_does_not_look_at_the_content(self) -> None:
        put("A", "{}")
        assert RuntimeParameters.has("A")

    def test_names(self) -> None:
        assert RuntimeParameters.PARAM_PREFIX == "MLOPS_RUNTIME_PARAM"
        assert RuntimeParameters.namespaced_param_name("a") == "MLOPS_RUNTIME_PARAM_a"
        put("A", "x")
        assert not RuntimeParameters.has("a")

    @given(st.text(min_size=1))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_strings_survive_the_platform_form(self, text: str) -> None:
        put("A", json.dumps({"type": "string", "payload": text}))
        assert RuntimeParameters.get("A") == text

    @pytest.mark.parametrize(
        "text",
        ['{"type": "credential", "payload": {"password": "hunter2"', "{'type': 1}", " {", "{a} b"],
    )
    def test_half_an_object_is_no_text(self, text: str) -> None:
        put("A", text)
        with pytest.raises(errors.InvalidJsonException) as caught:
            RuntimeParameters.get("A", "default")
        message = str(caught.value)
        assert message.startswith("Invalid runtime parameter json payload. payload=")
        assert "MLOPS_RUNTIME_PARAM_A" in message
        assert "hunter2" not in message


class TestDeclaredTypes:
    """Plain text in a variable, where the model says what it is."""

    @pytest.mark.parametrize(
        ("kind", "text", "value"),
        [
            ("numeric", "5", 5),
            ("numeric", " -2 ", -2),
            ("numeric", "0.25", 0.25),
            ("numeric", "1e3", 1000.0),
            ("numeric", "", None),
            ("boolean", "true", True),
            ("boolean", "False", False),
            ("boolean", "1", True),
            ("boolean", "off", False),
            ("boolean", "", None),
            ("credential", "", None),
            ("string", "5", "5"),
            ("string", "", ""),
            ("deployment", "true", "true"),
        ],
    )
    def test_text_becomes_the_declared_type(
        self, folder: Folder, kind: str, text: str, value: object
    ) -> None:
        put("A", text)
        load_defaults(folder(define("A", kind)))
        found = RuntimeParameters.get("A")
        assert (type(found), found) == (type(value), value)

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            ("numeric", "hunter2"),
            ("numeric", "true"),
            ("numeric", "[1]"),
            ("boolean", "hunter2"),
            ("boolean", "5"),
            ("boolean", "null"),
            ("credential", "hunter2"),
        ],
    )
    def test_text_that_is_no_such_value(self, folder: Folder, kind: str, text: str) -> None:
        put("A", text)
        before = dict(os.environ)
        with pytest.raises(errors.ErrorLoadingRuntimeParameter) as caught:
            load_defaults(folder(define("B", "numeric", defaultValue=1), define("A", kind)))
        message = str(caught.value)
        assert message.startswith(f"Failed to load runtime parameter 'A' of type '{kind}'. ")
        assert "hunter2" not in message
        assert dict(os.environ) == before

    @pytest.mark.parametrize("kind", ["numeric", "boolean", "string", "credential", "deployment"])
    def test_half_an_object_is_refused_at_the_start(self, folder: Folder, kind: str) -> None:
        put("A", '{"type": "' + kind)
        with pytest.raises(errors.InvalidJsonException, match="MLOPS_RUNTIME_PARAM_A"):
            load_defaults(folder(define("A", kind)))

    @pytest.mark.parametrize(
        "text",
        [
            '{"credentialType": "basic", "password": "hunter2"}',
            '{"type": "credential", "payload": {"password": "hunter2"}}',
            '{"type": "credential"}',
        ],
    )
    def test_a_credential_without_all_its_parts(self, folder: Folder, text: str) -> None:
        put("A", text)
        with pytest.raises(errors.InvalidRuntimeParam) as caught:
            load_defaults(folder(define("A", "credential")))
        assert "MLOPS_RUNTIME_PARAM_A" in str(caught.value)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("kind", "given", "payload", "value"),
        [
            ("numeric", "string", "5", 5),
            ("numeric", "numeric", "0.5", 0.5),
            ("boolean", "string", "off", False),
            ("string", "deployment", "5f", "5f"),
            ("numeric", "string", None, None),
        ],
    )
    def test_the_definition_says_the_type_whatever_the_variable_says(
        self, folder: Folder, kind: str, given: str, payload: object, value: object
    ) -> None:
        put("A", json.dumps({"type": given, "payload": payload}))
        load_defaults(folder(define("A", kind)))
        found = RuntimeParameters.get("A")
        assert (type(found), found) == (type(value), value)

    @pytest.mark.parametrize(
        ("kind", "given", "payload", "reason"),
        [
            ("numeric", "string", "hunter2", "value can't be converted to float"),
            ("numeric", "boolean", True, "value is True or False, not a number"),
            ("boolean", "numeric", 1, "value should be True or False"),
            ("boolean", "string", "hunter2", "value should be True or False"),
            ("string", "numeric", 5, "value is not a string"),
            ("string", "boolean", True, "value is not a string"),
            ("credential", "string", "hunter2", "value is not a dict"),
        ],
    )
    def test_a_variable_of_another_type_is_refused(
        self, folder: Folder, kind: str, given: str, payload: object, reason: str
    ) -> None:
        put("A", json.dumps({"type": given, "payload": payload}))
        with pytest.raises(errors.ErrorLoadingRuntimeParameter) as caught:
            load_defaults(folder(define("A", kind)))
        assert str(caught.value) == f"Failed to load runtime parameter 'A'. {reason}"

    def test_bounds_count_for_text_too(self, folder: Folder) -> None:
        put("A", "5")
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match="'A'.*greater than 3"):
            load_defaults(folder(define("A", "numeric", maxValue=3)))

    def test_names_that_the_runner_knows_too(self, folder: Folder) -> None:
        put("temperature", "warm")
        with pytest.raises(errors.ErrorLoadingRuntimeParameter, match="'temperature' of type 'num"):
            load_defaults(folder(define("temperature", "numeric")))
        put("temperature", "0.5")
        put("CUSTOM_MODEL_WORKERS", "")
        load_defaults(
            folder(define("temperature", "numeric"), define("CUSTOM_MODEL_WORKERS", "numeric"))
        )
        assert RuntimeParameters.get("temperature") == 0.5
        assert RuntimeParameters.get("CUSTOM_MODEL_WORKERS") == ""


def test_all_errors_have_one_base() -> None:
    names = (
        "InvalidJsonException InvalidRuntimeParam InvalidInputFilePath InvalidEmptyYamlContent"
        " InvalidYamlContent ErrorLoadingRuntimeParameter"
    )
    for name in names.split():
        assert issubclass(getattr(errors, name), errors.RuntimeParameterException)

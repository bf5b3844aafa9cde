"""Parameters that are set and mean nothing to the server that runs."""

from __future__ import annotations

import re

import pytest

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.strangers import WITHOUT_EFFECT, refuse_unknown, without_effect
from datarobot_drum.drum.knobs.table import KNOB_BY_NAME
from datarobot_drum.runtime_parameters.runner import RUNNER_NAMES

PREFIX = "MLOPS_RUNTIME_PARAM_"


def given(*names: str) -> dict[str, str]:
    return {f"{PREFIX}{name}": "1" for name in names}


def refusal(name: str, in_file: bool = False, own: tuple[str, ...] = ()) -> str:
    environ = given(name)
    with pytest.raises(SettingError) as error:
        refuse_unknown(environ, frozenset(() if in_file else environ), lambda: own)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DRUM_SERVER_TYP", "DRUM_SERVER_TYPE"),
        ("DRUM_AUTH_TOKN", "DRUM_AUTH_TOKEN"),
        ("DRUM_Auth_Token", "DRUM_AUTH_TOKEN"),
        ("DRUM_FASTAPI_EXECUTOR_WORKER", "DRUM_FASTAPI_EXECUTOR_WORKERS"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(name: str, meant: str) -> None:
    assert refusal(name) == (
        f"Unknown runtime parameter {name} in the variable {PREFIX}{name}. Did you mean '{meant}'?"
    )
    assert refusal(name, in_file=True).startswith(
        f"Unknown runtime parameter {name} in the values file. Did you mean"
    )


def test_a_name_that_is_like_no_other_is_refused_with_what_to_do() -> None:
    assert refusal("DRUM_X").endswith(
        "_DRUM_X. If it is the model's own, define it in the section"
        " 'runtimeParameterDefinitions' of model-metadata.yaml."
    )


def test_the_models_own_name_may_be_what_was_meant() -> None:
    assert refusal("DRUM_MY_LIMT", own=("DRUM_MY_LIMIT",)).endswith("'DRUM_MY_LIMIT'?")


@pytest.mark.parametrize(
    "name",
    [
        *KNOB_BY_NAME,
        *sorted(RUNNER_NAMES),
        *sorted(WITHOUT_EFFECT),
        "DRUM_OF_THE_MODEL",
        "NIM_MODEL_PROFILE",
        "DR_NIM_X",
        "MY_PARAMETER",
        "CUSTOM_MODEL_WORKER",
    ],
)
def test_names_of_ours_the_incumbents_and_the_models_are_taken(name: str) -> None:
    refuse_unknown(given(name), frozenset(), lambda: ["DRUM_OF_THE_MODEL"])


def test_variables_without_the_prefix_are_not_refused() -> None:
    """They may be another program's; see the warning."""
    refuse_unknown({"DRUM_SERVER_TYP": "fastapi"}, frozenset(), lambda: ())


@pytest.mark.parametrize(
    ("names", "server", "expected"),
    [
        (["DRUM_GUNICORN_THREADS"], "gunicorn", []),
        (["DRUM_GUNICORN_THREADS"], "flask", ["DRUM_GUNICORN_THREADS .* flask .* on gunicorn"]),
        (["DRUM_PRELOAD_MODEL"], "flask", ["DRUM_PRELOAD_MODEL .* on gunicorn and fastapi"]),
        # In the place of DRUM_UVICORN_KEEP_ALIVE, while that is unset.
        (["DRUM_GUNICORN_KEEP_ALIVE"], "fastapi", []),
        (
            ["DRUM_GUNICORN_KEEP_ALIVE", "DRUM_UVICORN_KEEP_ALIVE"],
            "fastapi",
            ["DRUM_GUNICORN_KEEP_ALIVE .* on gunicorn"],
        ),
        (["DRUM_FASTAPI_EXECUTOR_WORKERS", "CUSTOM_MODEL_WORKERS", "LLM_ID"], "flask", []),
        (["USE_NIM_WATCHDOG"], "flask", ["USE_NIM_WATCHDOG has no effect: .* not there yet"]),
        (["MY_PARAMETER"], "flask", []),
        (["drum_server_type"], "flask", ["type is none of the.* Did you mean 'DRUM_SERVER_TYPE'"]),
        (["CUSTOM_MODEL_WORKER"], "flask", ["Did you mean 'CUSTOM_MODEL_WORKERS'"]),
        (["LLM_IDS"], "flask", ["Did you mean 'LLM_ID'"]),
        (["OTEL_SDK_ENABLED", "CUSTOM_MODEL_PATH", "MODEL_ID"], "flask", []),
    ],
)
def test_what_has_no_effect_on_the_server_is_named_once(
    names: list[str], server: str, expected: list[str]
) -> None:
    found = without_effect(given(*names), server)
    assert len(found) == len(expected)
    assert all(map(re.search, expected, found))


def test_what_the_model_defines_is_its_own_business() -> None:
    environ = given("DRUM_GUNICORN_THREADS", "USE_NIM_WATCHDOG")
    assert without_effect(environ, "flask", ["DRUM_GUNICORN_THREADS", "USE_NIM_WATCHDOG"]) == []


@pytest.mark.parametrize(
    "name",
    [
        "CUSTOM_MODEL_WORKERS",
        "MLOPS_RUNTIME_PARAMS_DRUM_SERVER_TYPE",
        "MLOPS_RUNTIME_PARAMETER_LLM_ID",
        "RUNTIME_PARAM_DRUM_AUTH_TOKEN",
        "mlops_runtime_param_drum_server_type",
    ],
)
def test_a_variable_with_nearly_the_prefix_has_no_effect(name: str) -> None:
    (found,) = without_effect({name: "1"}, "fastapi")
    assert found.startswith(f"The variable {name} has no effect: ")


@pytest.mark.parametrize("name", ["LLM_ID", "OTEL_SDK_DISABLED", "MAX_WORKERS", "RUNTIME_PARAM"])
def test_variables_of_others_are_not_named(name: str) -> None:
    assert without_effect({name: "1"}, "fastapi") == []


def test_a_variable_without_the_prefix_has_no_effect() -> None:
    (found,) = without_effect({"DRUM_SERVER_TYPE": "fastapi", "DRUM_JAVA_XMX": "1g"}, "flask")
    assert found == (
        f"The variable DRUM_SERVER_TYPE has no effect: a runtime parameter's has the prefix"
        f" {PREFIX}."
    )
    assert without_effect({"DRUM_X": "1", **given("DRUM_X")}, "flask") == []

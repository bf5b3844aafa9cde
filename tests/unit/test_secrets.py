"""Which values are secrets, and that they are found in whatever spelling."""

from __future__ import annotations

import base64
import json
import logging
import pprint
import random
from pathlib import Path
from typing import Any

import pytest

from datarobot_drum.drum import logs, masking
from datarobot_drum.drum.enum import RunLanguage, ServerType, TargetType
from datarobot_drum.drum.exceptions import CustomHTTPError, ModelError, SettingError
from datarobot_drum.drum.knobs.reading import read
from datarobot_drum.drum.knobs.serving import AccessSettings
from datarobot_drum.drum.masking import MASK, hide_those_in, masked
from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.prediction.errors import client_text
from datarobot_drum.drum.prediction.figures.status import describe
from datarobot_drum.drum.serving.access_log import Exchange
from datarobot_drum.runtime_parameters import RuntimeParameters
from datarobot_drum.runtime_parameters.loader import load_values_file
from tests import spelled

ROUNDS = 12
VALUE = "sk-Ab3'\"x\\y z%7"


def shown_in(name: str, value: str, text: str) -> str:
    hide_those_in({name: value})
    return masked(text)


@pytest.mark.parametrize(
    "name",
    ["OPENAI_KEY", "STORAGEKEY", "DB_PWD", "KEY_PASSPHRASE", "PROXY_AUTH", "BEARER", "SENTRY_DSN"]
    + ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET"]
    + ["AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_SAS_TOKEN", "GOOGLE_API_KEY", "HF_TOKEN"]
    + ["HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "MLFLOW_TRACKING_PASSWORD", "DATABRICKS_TOKEN"]
    + ["ANTHROPIC_API_KEY", "NGC_API_KEY", "KAGGLE_KEY", "PGPASSWORD", "apiKey", "X_COOKIE"]
    + ["MLOPS_RUNTIME_PARAM_storageKey", "MLOPS_RUNTIME_PARAM_authToken", "SSL_KEYFILE_PASSWORD"],
)
def test_a_name_tells(name: str) -> None:
    assert shown_in(name, VALUE, f"it is {VALUE}!") == f"it is {MASK}!"


@pytest.mark.parametrize(
    "name",
    ["PWD", "OLDPWD", "AUTHOR", "GIT_AUTHOR_NAME", "KEYWORDS", "KEYBOARD", "max_tokens", "HOME"]
    + ["TOKENIZERS_PARALLELISM", "DRUM_SSL_KEYFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AUTH_MODE"]
    + ["TOKENIZER", "SSH_AUTH_SOCK", "USER_SECRETS_MOUNT_PATH", "XAUTHORITY", "KEY_COLUMN"],
)
def test_an_innocent_name_hides_nothing(name: str) -> None:
    assert shown_in(name, "/opt/model/x", "see /opt/model/x") == "see /opt/model/x"


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DATABASE_URL", "postgres://me:p%40ss-word@db/x", "p@ss-word"),
        ("REDIS", "redis://:only-a-password@db", "only-a-password"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-team=k1-of-ours,authorization=Basic%20eHg6eXk",
            "eHg6eXk",
        ),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=k2-of-ours", "k2-of-ours"),
        ("CONN_STR", "DefaultEndpointsProtocol=https;AccountKey=ab/cd+ef==", "ab/cd+ef=="),
        ("AUTHORIZATION", "Bearer to-be-borne", "to-be-borne"),
        ("PROXY_AUTH", "Basic " + base64.b64encode(b"me:pass-it").decode(), "pass-it"),
        ("SOME_JSON", '{"url": "u", "nested": [{"apiKey": "in-a-list"}]}', "in-a-list"),
    ],
)
def test_what_a_value_holds(name: str, value: str, secret: str) -> None:
    text = f"(({secret})) https url"
    assert shown_in(name, value, text) == f"(({MASK})) https url"


def test_numbers_and_lists_of_a_credential() -> None:
    fields: dict[str, Any] = {
        "credentialType": "mine",
        "account": 1234567890,
        "pin": 4711,
        "keys": ["first-key", {"inner": ["second-key", 99.12345678]}],
        "on": True,
    }
    text = "1234567890 first-key second-key 99.12345678 pin=4711, 247110 mine True"
    value = json.dumps({"type": "credential", "payload": fields})
    expected = f"{MASK} {MASK} {MASK} {MASK} pin={MASK}, 247110 mine True"
    assert shown_in("MLOPS_RUNTIME_PARAM_C", value, text) == expected


def test_the_lines_of_a_key_and_a_broken_one() -> None:
    draw = random.Random(spelled.seed())
    key, long = spelled.drawn_lines(draw), spelled.drawn(draw, spelled.PLAIN, 60)
    masking.hide([key, long])
    shown = masked(
        f"line 3: {key.splitlines()[2]}\n{long[:30]}\n    {long[30:]}\n{pprint.pformat(key)}"
    )
    assert not spelled.leaks(key, shown)
    assert long[:30] not in shown and long[30:] not in shown
    encoded = base64.encodebytes(f"user:{key}".encode()).decode()
    assert not any(line in masked(encoded) for line in encoded.splitlines()[1:-1])


def formatted(as_json: bool, message: str, error: Exception) -> str:
    record = logging.LogRecord("drum.test", logging.ERROR, "", 1, "%s", (message,), None)
    record.exc_info = (type(error), error, None)
    record.context_data = logs.context_data()
    return (logs.JsonFormatter() if as_json else logs.TextFormatter()).format(record)


def information(value: str) -> str:
    definition = {"fieldName": "KEYS", "type": "credential", "defaultValue": {"a": value}}
    metadata = {"name": value, "runtimeParameterDefinitions": [definition]}
    info = ModelInfo("/m", TargetType.REGRESSION, RunLanguage.PYTHON, metadata=metadata)
    return json.dumps(describe(info, ServerType.FLASK))


def ways_out(text: str) -> dict[str, str]:
    """By what way a text that holds a secret may leave the process."""
    error = ModelError(text)
    line = Exchange("::1", text, "GET", "/", 200, 1, 0.1, 1e9, "id", f"Basic {text}", text, text)
    as_user = base64.b64encode(f"{text}:x".encode()).decode()
    return {
        "client": client_text(error),
        "client of a user's error": client_text(CustomHTTPError(text)),
        "text log": formatted(False, text, error),
        "JSON log": formatted(True, text, error),
        "access log": line.line(as_json=False),
        "access log of a user": line._replace(authorization=f"Basic {as_user}").line(as_json=False),
        "JSON access log": line.line(as_json=True),
        "/info/": information(text),
        "/stats/": json.dumps(masking.masked_command(["child", text, f"--x={text}"])),
    }


def test_a_drawn_secret_never_leaves_in_any_spelling() -> None:
    draw = random.Random(spelled.seed())
    for _ in range(ROUNDS):
        secret = spelled.drawn(draw) if draw.random() < 0.8 else spelled.drawn_lines(draw)
        masking.SECRETS.put(())
        masking.hide([secret])
        for form in spelled.spellings(secret):
            for text in (f"it was {form}, was it", f"{{'a': '{form}'}}", f"/x?{form}&b=\n{form}"):
                for way, out in ways_out(text).items():
                    found = spelled.leaks(secret, out)
                    assert not found, (way, secret, form, found, out, spelled.repeat_with())


def test_what_holds_no_secret_stays_as_it_is() -> None:
    masking.hide([VALUE, "another-secret"])
    for text in ("a\\nb %41%42 &amp; \n\n  'x'\n", "100% of it\\", "&#99999999; %zz \\u12"):
        assert masked(text) == text


def test_parameters_are_hidden_from_the_moment_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_LATE_KEY", "known-only-now")
    assert masked("known-only-now") == "known-only-now"
    assert RuntimeParameters.get("LATE_KEY") == "known-only-now"
    assert masked("known-only-now") == MASK

    definition = (
        "{fieldName: C, type: credential, defaultValue: {credentialType: x, a: of-default}}"
    )
    (tmp_path / "model-metadata.yaml").write_text(f"runtimeParameterDefinitions: [{definition}]")
    values = tmp_path / "values.yaml"
    values.write_text("MY_KEY: of-the-file\nNOT_DEFINED: [1]\n")
    with pytest.raises(Exception, match="no definition"):
        load_values_file(str(values), str(tmp_path))
    assert masked("of-default of-the-file") == f"{MASK} {MASK}"


def test_info_shows_no_default_of_a_credential() -> None:
    definitions = [
        {"fieldName": "C", "type": "credential", "defaultValue": {"pin": 12}},
        {"fieldName": "MY_KEY", "type": "string", "defaultValue": "abc"},
        {"fieldName": "COLOR", "type": "string", "defaultValue": "red"},
    ]
    info = ModelInfo(
        "/m",
        TargetType.REGRESSION,
        RunLanguage.PYTHON,
        metadata={"runtimeParameterDefinitions": definitions},
    )
    shown = describe(info, ServerType.FLASK)["modelMetadata"]["runtimeParameterDefinitions"]
    assert [each["defaultValue"] for each in shown] == [MASK, MASK, "red"]
    assert definitions[1]["defaultValue"] == "abc"


def test_command_lines() -> None:
    words = ["python", "-m", "child", "--api-key", "abc", "--api-key=abc", "TOKEN=x=y", "--verbose"]
    words += ["--max-tokens", "12", "--url", "http://me:pw@host/", "--password", "--other", "-c=1"]
    assert masking.masked_command(words) == [
        *("python", "-m", "child", "--api-key", MASK, f"--api-key={MASK}", f"TOKEN={MASK}"),
        *("--verbose", "--max-tokens", "12", "--url", f"http://me:{MASK}@host/"),
        *("--password", "--other", "-c=1"),
    ]


@pytest.mark.parametrize(
    "value",
    ["", "   ", "fifteen-letters", True, False, 1234567890123456, None, {"a": "b" * 20}],
)
def test_a_token_that_is_none_is_refused(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = {bool: "boolean", int: "numeric", dict: "credential"}.get(type(value), "string")
    content: Any = {"credentialType": "x", **value} if kind == "credential" else value
    text = value if isinstance(value, str) else json.dumps({"type": kind, "payload": content})
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_AUTH_TOKEN", text)
    with pytest.raises(SettingError, match="Invalid DRUM_AUTH_TOKEN: .*at least 16 char") as caught:
        read(AccessSettings)
    assert not value or str(value) not in str(caught.value)


def test_a_token_that_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_DRUM_AUTH_TOKEN", " sixteen-letters! ")
    assert read(AccessSettings).auth_token == "sixteen-letters!"


def test_a_log_call_that_does_not_fit_its_arguments_is_one_line_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    masking.hide(["the-hidden-one"])
    record = logging.LogRecord(
        "theirs", logging.ERROR, "", 1, "%d\nof %s", ("the-hidden-one", "x", "y"), None
    )
    record.context_data = ""
    line = logs.TextFormatter().format(record)
    assert "\n" not in line and MASK in line and "the-hidden-one" not in line
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("formatter", [logs.TextFormatter, logs.JsonFormatter])
def test_names_of_loggers_and_levels_show_no_secrets(formatter: type[logging.Formatter]) -> None:
    masking.hide(["the-hidden-one"])
    record = logging.LogRecord("of the-hidden-one", 35, "", 1, "text", (), None)
    record.levelname = "the-hidden-one"
    record.context_data = ""
    line = formatter().format(record)
    assert line.count(MASK) == 2 and "the-hidden-one" not in line
    assert record.name == "of the-hidden-one"


@pytest.mark.parametrize(
    "text",
    [
        "https://{}@github.com/a/b",
        "jdbc:postgresql://h/db?user=a&password={}",
        "https://h/c?sv=1&sig={}&se=2",
        "https://h/x?X-Amz-Signature={}",
        "Server=h;Password={};",
        "host=h password={} dbname=d",
        "-Xmx2g -Djavax.net.ssl.keyStorePassword={}",
        '{{"type": "string", "payload": "{{\\"password\\": \\"{}\\"}}"}}',
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
    ],
)
def test_a_text_whose_name_says_nothing_may_hold_secrets(text: str) -> None:
    hide_those_in({"PLAIN": text.format("the%2Fhidden-one-of-ours")})
    assert masked("a the%2Fhidden-one-of-ours b") == f"a {MASK} b"


@pytest.mark.parametrize(
    "text", ["sort_key=customer_id", "ssh://git@github.com", "max_tokens=100000"]
)
def test_settings_that_only_look_like_secrets_are_left(text: str) -> None:
    hide_those_in({"PLAIN": text})
    assert masked(text) == text


@pytest.mark.parametrize(
    "name", ["DBPASS", "DB_PW", "JWT", "AWS_CREDS", "SLACK_WEBHOOK_URL", "WIFI_PSK", "TOTP_SEED"]
)
def test_more_names_of_secrets(name: str) -> None:
    hide_those_in({name: "the-hidden-one"})
    assert masked("the-hidden-one") == MASK


@pytest.mark.parametrize(
    "name", ["BYPASS", "LOWPASS", "COMPASS", "PW_COUNT", "JWT_ALGORITHM", "OTPS"]
)
def test_names_that_only_look_like_those(name: str) -> None:
    hide_those_in({name: "shown-to-all"})
    assert masked("shown-to-all") == "shown-to-all"


def test_info_shows_nothing_else_that_a_definition_holds_of_a_secret() -> None:
    definitions = [
        {"fieldName": "C", "type": "credential", "description": "d", "default": {"pin": 12}},
        {"fieldName": "C", "type": "string", "password": "abc", "allowEmpty": True},
    ]
    shown = masking.shown_metadata({"runtimeParameterDefinitions": definitions})
    assert list(shown.values()) == [
        [definitions[0] | {"default": MASK}, definitions[1] | {"password": MASK}]
    ]


@pytest.mark.parametrize("sign", ["'", '"'])
def test_quotes_may_stand_twice(sign: str) -> None:
    secret = f"the-{sign}hidden{sign}-one"
    masking.hide([secret])
    assert masked(f"a,{secret.replace(sign, sign * 2)},b") == f"a,{MASK},b"

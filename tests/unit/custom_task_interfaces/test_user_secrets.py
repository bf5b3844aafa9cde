"""User secrets: their sources, their classes, and that they never show."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path

import pytest

from datarobot_drum.custom_task_interfaces import (
    BasicSecret,
    GCPSecret,
    RegressionEstimatorInterface,
    S3Secret,
    SnowflakeOauthUserAccountSecret,
)
from datarobot_drum.custom_task_interfaces.custom_task_interface import secrets_injection_context
from datarobot_drum.custom_task_interfaces.scrubbing import SCRUBBER, scrubbed
from datarobot_drum.custom_task_interfaces.user_secrets import (
    SecretType,
    UnsupportedSecretError,
    load_secrets,
    plain_values,
    secrets_factory,
)
from datarobot_drum.drum.masking import masked
from tests.unit.folders import load, predict

FIELDS = {
    "basic": ["username", "password"],
    "oauth": ["token", "refresh_token"],
    "gcp": [],
    "s3": [],
    "azure": ["azure_connection_string"],
    "azure_service_principal": ["client_id", "client_secret", "azure_tenant_id"],
    "snowflake_oauth_user_account": ["client_id", "client_secret", "snowflake_account_name"],
    "snowflake_key_pair_user_account": ["username", "private_key_str"],
    "adls_gen2_oauth": ["client_id", "client_secret", "oauth_scopes"],
    "tableau_access_token": ["token_name", "personal_access_token"],
    "databricks_access_token_account": ["databricks_access_token"],
    "api_token": ["api_token"],
}


@pytest.mark.parametrize("kind", [kind.value for kind in SecretType])
def test_every_type_takes_its_fields_and_ignores_others(kind: str) -> None:
    values = {name: f"the {name}" for name in FIELDS[kind]}
    secret = secrets_factory({"credential_type": kind.upper(), "new_in_platform": 1, **values})
    assert {name: getattr(secret, name) for name in values} == values
    assert "the " not in f"{secret} {secret!r}"
    assert secret == type(secret).from_dict(values)


@pytest.mark.parametrize("kind", [kind for kind, names in FIELDS.items() if names])
def test_missing_fields(kind: str) -> None:
    with pytest.raises(TypeError, match=FIELDS[kind][0]):
        secrets_factory({"credential_type": kind})


def test_unknown_and_missing_types() -> None:
    with pytest.raises(UnsupportedSecretError, match="^Unsupported secret type: 'nosuch'$"):
        secrets_factory({"credential_type": "nosuch"})
    with pytest.raises(KeyError, match="credential_type"):
        secrets_factory({})


def test_repr_masks_text_and_shows_what_is_none() -> None:
    secret = BasicSecret("me", "pw")
    expected = "BasicSecret(username='*****', password='*****', snowflake_account_name=None)"
    assert repr(secret) == str(secret) == expected


def test_gcp_key_is_nested_and_masked() -> None:
    data = {"credential_type": "gcp", "gcp_key": {"type": "x", "private_key": "abc", "new": 1}}
    secret = secrets_factory(data)
    assert isinstance(secret, GCPSecret)
    assert secret.gcp_key.private_key == "abc"
    assert sorted(plain_values(secret)) == ["abc", "x"]
    assert "abc" not in repr(secret)


def test_partial_secrets() -> None:
    assert S3Secret(config_id="1").is_partial_secret()
    assert SnowflakeOauthUserAccountSecret("a", "b", "c", oauth_config_id="1").is_partial_secret()
    assert not BasicSecret("a", "b").is_partial_secret()


def basic(password: str) -> str:
    return json.dumps({"credential_type": "basic", "username": "u", "password": password})


def test_mounted_secrets_beat_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ONE", basic("variable"))
    monkeypatch.setenv("APP_TWO", basic("variable"))
    monkeypatch.setenv("OTHER_THREE", basic("variable"))
    (tmp_path / "TWO").write_text(basic("mounted"))
    (tmp_path / "..data").mkdir()
    secrets = load_secrets(str(tmp_path), "APP")
    assert {name: secret.password for name, secret in secrets.items()} == {
        "ONE": "variable",
        "TWO": "mounted",
    }


def test_no_source_and_missing_directory() -> None:
    assert load_secrets(None, None) == {}
    assert load_secrets("/no/such/directory", None) == {}


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"credential_type": "basic"}'])
def test_bad_secrets_are_named_without_their_content(tmp_path: Path, content: str) -> None:
    (tmp_path / "DB").write_text(content)
    with pytest.raises(ValueError, match="^The secret 'DB' cannot be used: "):
        load_secrets(str(tmp_path), None)


def test_secrets_are_hidden_from_the_moment_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "A").write_text(
        '{"credential_type": "nosuch", "pin": 123456, "more": ["in-a-list"]}'
    )
    with pytest.raises(UnsupportedSecretError):
        load_secrets(str(tmp_path), None)
    assert masked("123456 in-a-list nosuch") == "***** ***** nosuch"
    (tmp_path / "A").write_bytes(b"no JSON, but \xff secret")
    with pytest.raises(ValueError, match="^The secret 'A' cannot be used: ") as caught:
        load_secrets(str(tmp_path), None)
    assert "xff" not in str(caught.value) and "but" not in str(caught.value)


# --- scrubbing ---------------------------------------------------------------------------


def fresh_streams(monkeypatch: pytest.MonkeyPatch) -> dict[str, io.TextIOWrapper]:
    """Called by the tests themselves: pytest puts its own streams back after fixtures ran."""
    made = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
    for name, stream in made.items():
        monkeypatch.setattr(sys, name, stream)
    return made


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()


def test_streams_are_scrubbed_inside_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = fresh_streams(monkeypatch)
    with scrubbed(["pässword", "pässword-longer", "ab"]):
        print("a pässword-longer, a pässword", "ab")
        sys.stderr.writelines(["error: pässword\n"])
        sys.stdout.flush()
        sys.stdout.buffer.write("raw pässword\n".encode())
    print("pässword")
    assert written(streams["stdout"]) == "a *****, a ***** ab\nraw *****\npässword\n"
    assert written(streams["stderr"]) == "error: *****\n"
    assert sys.stdout is streams["stdout"]


def test_log_records_are_scrubbed_wherever_the_value_hides(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = fresh_streams(monkeypatch)
    handler = logging.StreamHandler(streams["stderr"])
    logger = logging.getLogger("made.before")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        with scrubbed(["hunter2"]):
            logger.error("list %s", ["hunter2"])
            later = logger.getChild("later")
            later.error("plain hunter2 %d", 1)
            later.error("kept %s", 5)
            try:
                raise ValueError("bad hunter2")
            except ValueError:
                later.exception("failed")
    finally:
        logger.removeHandler(handler)
    text = written(streams["stderr"])
    assert "hunter2" not in text
    assert text.startswith("list ['*****']\nplain ***** 1\nkept 5\nfailed\nTraceback")
    assert "ValueError: bad *****" in text


def test_nested_blocks_share_one_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = fresh_streams(monkeypatch)
    with scrubbed(["first-secret"]):
        layer = sys.stdout
        with scrubbed(["first-secret", "second-secret"]):
            assert sys.stdout is layer
            print("first-secret second-secret")
        print("first-secret second-secret")
    assert written(streams["stdout"]) == "***** *****\n***** second-secret\n"


def test_task_has_its_secrets_in_the_block_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = fresh_streams(monkeypatch)
    (tmp_path / "DB").write_text(basic("hunter2"))
    task = RegressionEstimatorInterface()
    with secrets_injection_context(task, str(tmp_path), None):
        print(task.secrets["DB"].password)
    assert written(streams["stdout"]) == "*****\n"
    assert task.secrets == {}


def test_served_task_gets_its_secrets_until_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = fresh_streams(monkeypatch)
    monkeypatch.setenv("APP_DB", basic("hunter2"))
    code = (
        "import pandas as pd\n"
        "from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface\n"
        "class CustomTask(RegressionEstimatorInterface):\n"
        "    def predict(self, X, **kwargs):\n"
        "        print('using', self.secrets['DB'].password)\n"
        "        return pd.DataFrame({'Predictions': [len(self.secrets)] * len(X)})\n"
        "    @classmethod\n"
        "    def load_task(cls, folder):\n"
        "        return cls()\n"
    )
    (tmp_path / "custom.py").write_text(code)
    predictor = load(tmp_path, "regression", user_secrets_prefix="APP")
    assert predict(predictor).values[:, 0].tolist() == [1, 1, 1]
    predictor.close()
    assert written(streams["stdout"]) == "using *****\n"
    assert sys.stdout is streams["stdout"]


def test_failed_load_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = fresh_streams(monkeypatch)
    monkeypatch.setenv("APP_DB", basic("hunter2"))
    code = (
        "from datarobot_drum.custom_task_interfaces import RegressionEstimatorInterface\n"
        "class CustomTask(RegressionEstimatorInterface):\n"
        "    @classmethod\n"
        "    def load_task(cls, folder):\n"
        "        raise ValueError('cannot log in with hunter2')\n"
    )
    (tmp_path / "custom.py").write_text(code)
    with pytest.raises(Exception, match=r"cannot log in with \*\*\*\*\*") as error:
        load(tmp_path, "regression", user_secrets_prefix="APP")
    assert "hunter2" not in str(error.value)
    assert sys.stdout is streams["stdout"]
    assert SCRUBBER.clean("hunter2") == "hunter2"

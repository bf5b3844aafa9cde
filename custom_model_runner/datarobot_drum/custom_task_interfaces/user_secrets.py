"""Secrets of a custom task: credentials that the platform mounts or puts into variables.

A secret is JSON with a ``credential_type``; keys are snake_case and unknown keys are
ignored, so that the platform may add some. Text fields never show in a ``repr``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from datarobot_drum.drum.masking import MASK, hide, hide_credential

Secret = TypeVar("Secret", bound="AbstractSecret")


class UnsupportedSecretError(Exception):
    """The ``credential_type`` of a secret is not known."""


class AbstractSecret:
    """What all secrets have in common. Subclasses are dataclasses without a ``repr``."""

    @classmethod
    def from_dict(cls: type[Secret], data: Mapping[str, Any]) -> Secret:
        """Build one from parsed JSON.

        Raises:
            TypeError: a field that is needed is missing.
        """
        known = {field.name for field in _fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def is_partial_secret(self) -> bool:
        """Tell whether the rest of the secret lies in a configuration of the platform."""
        return any(getattr(self, name, None) for name in ("config_id", "oauth_config_id"))

    def __repr__(self) -> str:
        shown = (f"{field.name}={self._masked(field.name)}" for field in _fields(type(self)))
        return f"{type(self).__name__}({', '.join(shown)})"

    def _masked(self, name: str) -> str:
        value = getattr(self, name)
        return repr(MASK if isinstance(value, str) else value)


@dataclass(frozen=True, repr=False)
class BasicSecret(AbstractSecret):
    username: str
    password: str
    snowflake_account_name: str | None = None


@dataclass(frozen=True, repr=False)
class OauthSecret(AbstractSecret):
    token: str
    refresh_token: str


@dataclass(frozen=True, repr=False)
class S3Secret(AbstractSecret):
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None
    config_id: str | None = None


@dataclass(frozen=True, repr=False)
class AzureSecret(AbstractSecret):
    azure_connection_string: str


@dataclass(frozen=True, repr=False)
class AzureServicePrincipalSecret(AbstractSecret):
    client_id: str
    client_secret: str
    azure_tenant_id: str


@dataclass(frozen=True, repr=False)
class SnowflakeOauthUserAccountSecret(AbstractSecret):
    client_id: str
    client_secret: str
    snowflake_account_name: str
    oauth_issuer_type: str | None = None
    oauth_issuer_url: str | None = None
    oauth_scopes: str | None = None
    oauth_config_id: str | None = None


@dataclass(frozen=True, repr=False)
class SnowflakeKeyPairUserAccountSecret(AbstractSecret):
    username: str
    private_key_str: str
    passphrase: str | None = None
    config_id: str | None = None


@dataclass(frozen=True, repr=False)
class AdlsGen2OauthSecret(AbstractSecret):
    client_id: str
    client_secret: str
    oauth_scopes: str


@dataclass(frozen=True, repr=False)
class TableauAccessTokenSecret(AbstractSecret):
    token_name: str
    personal_access_token: str


@dataclass(frozen=True, repr=False)
class DatabricksAccessTokenAccountSecret(AbstractSecret):
    databricks_access_token: str


@dataclass(frozen=True, repr=False)
class ApiTokenSecret(AbstractSecret):
    api_token: str


@dataclass(frozen=True, repr=False)
class GCPKey(AbstractSecret):
    type: str
    project_id: str | None = None
    private_key_id: str | None = None
    private_key: str | None = None
    client_email: str | None = None
    client_id: str | None = None
    auth_uri: str | None = None
    token_uri: str | None = None
    auth_provider_x509_cert_url: str | None = None
    client_x509_cert_url: str | None = None


@dataclass(frozen=True, repr=False)
class GCPSecret(AbstractSecret):
    gcp_key: GCPKey | None = None
    config_id: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GCPSecret:
        key = data.get("gcp_key")
        return cls(GCPKey.from_dict(key) if key else None, data.get("config_id"))


class SecretType(Enum):
    """The values of ``credential_type``."""

    BASIC = "basic"
    OAUTH = "oauth"
    GCP = "gcp"
    S3 = "s3"
    AZURE = "azure"
    AZURE_SERVICE_PRINCIPAL = "azure_service_principal"
    SNOWFLAKE_OAUTH_USER_ACCOUNT = "snowflake_oauth_user_account"
    SNOWFLAKE_KEY_PAIR_USER_ACCOUNT = "snowflake_key_pair_user_account"
    ADLS_GEN2_OAUTH = "adls_gen2_oauth"
    TABLEAU_ACCESS_TOKEN = "tableau_access_token"
    DATABRICKS_ACCESS_TOKEN = "databricks_access_token_account"
    API_TOKEN = "api_token"


_CLASSES: Final[Mapping[SecretType, type[AbstractSecret]]] = {
    SecretType.BASIC: BasicSecret,
    SecretType.OAUTH: OauthSecret,
    SecretType.GCP: GCPSecret,
    SecretType.S3: S3Secret,
    SecretType.AZURE: AzureSecret,
    SecretType.AZURE_SERVICE_PRINCIPAL: AzureServicePrincipalSecret,
    SecretType.SNOWFLAKE_OAUTH_USER_ACCOUNT: SnowflakeOauthUserAccountSecret,
    SecretType.SNOWFLAKE_KEY_PAIR_USER_ACCOUNT: SnowflakeKeyPairUserAccountSecret,
    SecretType.ADLS_GEN2_OAUTH: AdlsGen2OauthSecret,
    SecretType.TABLEAU_ACCESS_TOKEN: TableauAccessTokenSecret,
    SecretType.DATABRICKS_ACCESS_TOKEN: DatabricksAccessTokenAccountSecret,
    SecretType.API_TOKEN: ApiTokenSecret,
}


def secrets_factory(data: Mapping[str, Any]) -> AbstractSecret:
    """Turn one secret's JSON into its class.

    Raises:
        KeyError: there is no ``credential_type``.
        UnsupportedSecretError: it is not a known one.
        TypeError: a field that is needed is missing.
    """
    written = data["credential_type"]
    try:
        kind = SecretType(str(written).lower())
    except ValueError:
        raise UnsupportedSecretError(f"Unsupported secret type: {written!r}") from None
    return _CLASSES[kind].from_dict(data)


def load_secrets(mount_path: str | None, env_var_prefix: str | None) -> dict[str, AbstractSecret]:
    """Collect the secrets by name; mounted ones beat those in variables.

    Args:
        mount_path: a directory whose plain files are named after their secrets.
        env_var_prefix: ``P`` takes the variables ``P_<name>``.

    Raises:
        UnsupportedSecretError: a secret's type is not known.
        ValueError: a secret is not JSON, or lacks a field; the text names the secret.
    """
    found = dict(_in_variables(env_var_prefix)) if env_var_prefix else {}
    if mount_path and Path(mount_path).is_dir():
        found |= _mounted(Path(mount_path))
    return {name: _parse(name, text) for name, text in found.items()}


def plain_values(secret: AbstractSecret) -> Iterator[str]:
    """Every text inside a secret, nested ones too: what must not be shown."""
    for field in _fields(type(secret)):
        value = getattr(secret, field.name)
        if isinstance(value, AbstractSecret):
            yield from plain_values(value)
        elif isinstance(value, str):
            yield value


def _in_variables(prefix: str) -> Iterator[tuple[str, str]]:
    start = f"{prefix}_"
    for name, text in os.environ.items():
        if name.startswith(start):
            yield name.removeprefix(start), text


def _mounted(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text("utf-8", "replace") for path in folder.iterdir() if path.is_file()
    }


def _parse(name: str, text: str) -> AbstractSecret:
    # Whatever comes of it, it may be told from here on.
    try:
        content = json.loads(text)
    except ValueError as exc:
        hide([text])
        raise ValueError(f"The secret '{name}' cannot be used: {exc!r}") from None
    hide_credential(content)
    try:
        return secrets_factory(content)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"The secret '{name}' cannot be used: {exc!r}") from exc


def _fields(secret: type[Any]) -> tuple[Any, ...]:
    return fields(secret)

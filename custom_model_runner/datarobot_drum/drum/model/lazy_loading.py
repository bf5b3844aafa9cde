"""Large files of a model, fetched from object storage before its hooks are loaded.

What to fetch is said by environment variables, or by a YAML file that sets them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.masking import hide_credential, hide_those_in, hide_value, masked
from datarobot_drum.drum.model.inside import is_inside, outside
from datarobot_drum.drum.utils.others_code import failing_as
from datarobot_drum.runtime_parameters.yaml_problem import UNREADABLE, yaml_problem

logger = get_drum_logger(__name__)

DATA_VARIABLE: Final = "MLOPS_LAZY_LOADING_DATA"
SECRET_PREFIX: Final = "MLOPS_REPOSITORY_SECRET_"
_PARALLEL: Final = 8
_ENVIRONMENT: Final = "Invalid lazy loading content."
_FILE: Final = "Invalid lazy loading YAML file content."


@dataclass(frozen=True, slots=True)
class Repository:
    """A bucket. ``verify`` is None where the storage's own default applies."""

    id: str
    bucket: str
    credential_id: str
    endpoint_url: str | None
    verify: bool | None


@dataclass(frozen=True, slots=True)
class RemoteFile:
    remote_path: str
    local_path: str
    repository_id: str


def fetch_files(
    lazy_loading_file: str | None = None, code_dir: str = ".", files_outside: bool = False
) -> None:
    """Download what ``MLOPS_LAZY_LOADING_DATA`` lists; nothing when it is not set.

    A file that is there already, as large and as old as the remote one, is left alone, so
    that workers and restarts do not fetch it again; every file is whole or absent.

    Args:
        lazy_loading_file: YAML that sets the variables first.
        code_dir: the model folder, where the files have to go.
        files_outside: they may go elsewhere; relative paths then count from the working
            directory.

    Raises:
        StartupError: a description is invalid, a file would lie outside of the folder, a
            credential is missing, or a download failed.
    """
    if lazy_loading_file is not None:
        _export(Path(lazy_loading_file))
    text = os.environ.get(DATA_VARIABLE)
    if not text:
        return
    data = _normalised(_json(text), _ENVIRONMENT)
    repositories = {entry.id: entry for entry in _repositories(data, _ENVIRONMENT)}
    files = _files(data, repositories, _ENVIRONMENT)
    if not files_outside:
        files = _placed(files, code_dir)
    buckets = {name: _Bucket(repositories[name]) for name in {f.repository_id for f in files}}
    with ThreadPoolExecutor(max_workers=min(_PARALLEL, len(files))) as pool:
        list(pool.map(lambda file: buckets[file.repository_id].fetch(file), files))


class _Bucket:
    """One repository's client; boto3 clients may be shared by threads."""

    def __init__(self, repository: Repository) -> None:
        try:
            import boto3
        except ModuleNotFoundError as exc:
            raise StartupError("Lazy loading needs boto3: pip install boto3") from exc
        secret = _credential(repository)
        self._repository = repository

        def failed(exc: BaseException) -> StartupError:
            text = f"Lazy loading failed to open repository {repository.id}: {masked(str(exc))}"
            return StartupError(text)

        with failing_as(failed):
            self._client = boto3.client(
                "s3",
                # Identifiers may be written as numbers.
                aws_access_key_id=str(secret["aws_access_key_id"]),
                aws_secret_access_key=str(secret["aws_secret_access_key"]),
                aws_session_token=secret.get("aws_session_token"),
                endpoint_url=repository.endpoint_url,
                verify=repository.verify,
            )

    def fetch(self, file: RemoteFile) -> None:
        def failed(exc: BaseException) -> StartupError:
            return StartupError(
                f"Lazy loading failed to download '{file.remote_path}' from repository "
                f"{file.repository_id} to '{file.local_path}': {masked(str(exc))}"
            )

        with failing_as(failed):
            self._fetch(file)

    def _fetch(self, file: RemoteFile) -> None:
        bucket, local = self._repository.bucket, Path(file.local_path)
        remote = self._client.head_object(Bucket=bucket, Key=file.remote_path)
        size, modified = remote["ContentLength"], remote["LastModified"].timestamp()
        if local.is_file() and (local.stat().st_size, local.stat().st_mtime) == (size, modified):
            return
        logger.info("Downloading %s (%d bytes) to %s", file.remote_path, size, local)
        local.parent.mkdir(parents=True, exist_ok=True)
        partial = local.with_name(f".{local.name}.{os.getpid()}.partial")
        try:
            self._client.download_file(bucket, file.remote_path, str(partial))
            if partial.stat().st_size != size:
                raise OSError(f"{partial.stat().st_size} of {size} bytes arrived")
            os.utime(partial, (modified, modified))
            partial.replace(local)
        finally:
            partial.unlink(missing_ok=True)


def _placed(files: Sequence[RemoteFile], code_dir: str) -> list[RemoteFile]:
    """The files with where they go: relative paths count from the model folder."""
    placed = [replace(file, local_path=str(Path(code_dir, file.local_path))) for file in files]
    for file, to in zip(files, placed, strict=True):
        if not is_inside(code_dir, to.local_path):
            what = f"files: local_path {file.local_path!r}"
            raise StartupError(f"{_ENVIRONMENT} {outside(what)}")
    moved = [file.local_path for file in files if not Path(file.local_path).is_absolute()]
    if moved and os.path.realpath(code_dir) != os.path.realpath("."):
        logger.warning(
            "Lazy loading puts '%s' into the model folder, not into the working directory:"
            " DRUM_FILES_OUTSIDE_FOLDER=true does that.",
            "', '".join(moved),
        )
    return placed


def _export(path: Path) -> None:
    """Turn the YAML file into the variables that a platform would set."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise StartupError(f"{_FILE} {exc}") from exc
    except (yaml.YAMLError, *UNREADABLE) as exc:
        raise StartupError(f"{_FILE} {yaml_problem(exc)}") from exc
    if isinstance(content, dict):
        hide_credential(content.get("credentials"))
    # An endpoint's URL may hold a password, and errors of the storage repeat it.
    hide_value("", content)
    data = _normalised(content, _FILE)
    _files(data, {entry.id: entry for entry in _repositories(data, _FILE)}, _FILE)
    for entry in _entries(data, "credentials", _FILE):
        name = _text(entry, "id", "credentials", _FILE)
        os.environ[SECRET_PREFIX + name.upper()] = json.dumps(entry)
    os.environ[DATA_VARIABLE] = json.dumps({key: data[key] for key in ("files", "repositories")})


def _credential(repository: Repository) -> Mapping[str, Any]:
    text = os.environ.get(SECRET_PREFIX + repository.credential_id.upper())
    if not text:
        raise StartupError(
            f"Missing credential for repository {repository.id}, "
            f"credential_id: {repository.credential_id}"
        )
    hide_those_in({SECRET_PREFIX: text})
    secret = _normalised(_json(text), _ENVIRONMENT)
    where = f"credential {repository.credential_id}"
    if _text(secret, "credential_type", where, _ENVIRONMENT) != "s3":
        raise StartupError(f"{_ENVIRONMENT} {where}: credential_type must be s3")
    for key in ("aws_access_key_id", "aws_secret_access_key"):
        _text(secret, key, where, _ENVIRONMENT)
    return secret


def _repositories(data: Mapping[str, Any], failure: str) -> list[Repository]:
    return [_repository(entry, failure) for entry in _entries(data, "repositories", failure)]


def _repository(entry: Mapping[str, Any], failure: str) -> Repository:
    where = "repositories"
    endpoint_url = entry.get("endpoint_url")
    if endpoint_url == "":
        raise StartupError(f"{failure} endpoint_url must not be an empty string")
    return Repository(
        id=_text(entry, "repository_id", where, failure),
        bucket=_text(entry, "bucket_name", where, failure),
        credential_id=_text(entry, "credential_id", where, failure),
        endpoint_url=endpoint_url,
        verify=entry.get("verify_certificate", True if endpoint_url else None),
    )


def _files(
    data: Mapping[str, Any], repositories: Mapping[str, Repository], failure: str
) -> list[RemoteFile]:
    files = [
        RemoteFile(
            remote_path=_text(entry, "remote_path", "files", failure),
            local_path=_text(entry, "local_path", "files", failure),
            repository_id=_text(entry, "repository_id", "files", failure),
        )
        for entry in _entries(data, "files", failure)
    ]
    unknown = {file.repository_id for file in files} - repositories.keys()
    if unknown:
        raise StartupError(f"{failure} files: unknown repository {min(unknown)}")
    return files


def _entries(data: Mapping[str, Any], key: str, failure: str) -> Sequence[Mapping[str, Any]]:
    entries = data.get(key)
    if not isinstance(entries, list) or not entries:
        raise StartupError(f"{failure} {key}: a list with at least one entry is needed")
    if not all(isinstance(entry, dict) for entry in entries):
        raise StartupError(f"{failure} {key}: every entry must be a mapping")
    return entries


def _text(entry: Mapping[str, Any], key: str, where: str, failure: str) -> str:
    """Identifiers may be written as numbers."""
    value = entry.get(key)
    text = str(value) if isinstance(value, str | int) else ""
    if not text:
        raise StartupError(f"{failure} {where}: {key} must be a text that is not empty")
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise StartupError(f"{_ENVIRONMENT} {exc}") from exc


def _normalised(content: Any, failure: str) -> Mapping[str, Any]:
    """Both spellings of keys are in use: ``remotePath`` and ``remote_path``."""
    if not isinstance(content, dict):
        raise StartupError(f"{failure} A mapping is needed")
    result: Mapping[str, Any] = _snake(content)
    return result


def _snake(value: Any) -> Any:
    if isinstance(value, dict):
        return {_snake_key(str(key)): _snake(item) for key, item in value.items()}
    return [_snake(item) for item in value] if isinstance(value, list) else value


def _snake_key(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)

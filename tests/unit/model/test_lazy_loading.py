"""Files fetched from an S3-compatible store before the model loads."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.masking import MASK, for_client, masked
from datarobot_drum.drum.model.lazy_loading import fetch_files
from tests.unit.folders import load, predict

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KEYS = {"awsAccessKeyId": "key", "awsSecretAccessKey": "secret"}


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="models")
    for name, content in {"weights/a.txt": b"41", "weights/b.txt": b"1"}.items():
        client.put_object(Bucket="models", Key=name, Body=content)
    yield url
    server.stop()


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Set and removed, so that what a file exports is taken back after the test.
    for name in ("MLOPS_LAZY_LOADING_DATA", "MLOPS_REPOSITORY_SECRET_CRED"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def description(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "files": [
            {"remotePath": f"weights/{name}", "localPath": f"data/{name}", "repositoryId": 1}
            for name in ("a.txt", "b.txt")
        ],
        "repositories": [
            {
                "repositoryId": 1,
                "bucketName": "models",
                "credentialId": "cred",
                "endpointUrl": url,
                "verifyCertificate": False,
            }
        ],
        **changes,
    }


def export(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    monkeypatch.setenv("MLOPS_LAZY_LOADING_DATA", json.dumps(data))
    secret = json.dumps({"credentialType": "s3", **KEYS})
    monkeypatch.setenv("MLOPS_REPOSITORY_SECRET_CRED", secret)


def snake(data: Any) -> Any:
    text = json.dumps(data)
    for key in ("remotePath", "localPath", "repositoryId", "bucketName", "credentialId"):
        text = text.replace(key, "".join(f"_{c.lower()}" if c.isupper() else c for c in key))
    return json.loads(text)


def test_nothing_to_do_without_the_variable() -> None:
    fetch_files()


@pytest.mark.parametrize("spelling", [dict, snake])
def test_files_arrive_before_the_hooks_load(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch, spelling: Any
) -> None:
    export(monkeypatch, spelling(description(store)))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "custom.py").write_text(
        "import pandas as pd\n"
        "from pathlib import Path\n"
        "DATA = Path(__file__).parent / 'data'\n"
        "TOTAL = sum(int(path.read_text()) for path in DATA.iterdir())\n"
        "def load_model(code_dir):\n    return TOTAL\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'p': [model] * len(data)})\n"
    )
    assert predict(load(folder, "regression")).values[:, 0].tolist() == [42, 42, 42]


OUTSIDE = ["../a.txt", "data/../../a.txt", "{}/a.txt", "link/a.txt", "link.txt", "/etc/drum-a.txt"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_file_never_lands_outside_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "link").symlink_to(elsewhere)
    (folder / "link.txt").symlink_to(elsewhere / "a.txt")
    name = name.format(elsewhere)
    # Nobody is asked: there is nothing at this address.
    files = [{"remotePath": "weights/a.txt", "localPath": name, "repositoryId": 1}]
    export(monkeypatch, description("http://127.0.0.1:1", files=files))
    with pytest.raises(StartupError) as error:
        fetch_files(code_dir=str(folder))
    assert f"local_path {name!r} lies outside of the model folder" in str(error.value)
    assert "DRUM_FILES_OUTSIDE_FOLDER" in str(error.value)
    assert list(elsewhere.iterdir()) == []


def test_a_relative_path_counts_from_the_folder(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    export(monkeypatch, description(store))
    (tmp_path / "folder").mkdir()
    fetch_files(code_dir=str(tmp_path / "folder"))
    assert (tmp_path / "folder" / "data" / "a.txt").read_text() == "41"
    assert not (tmp_path / "data").exists()
    assert "puts 'data/a.txt', 'data/b.txt' into the model folder" in caplog.text
    caplog.clear()
    monkeypatch.chdir(tmp_path / "folder")
    fetch_files(code_dir=str(tmp_path / "folder"))
    assert "into the model folder" not in caplog.text


def test_files_may_go_elsewhere_where_that_is_allowed(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(monkeypatch, description(store))
    fetch_files(code_dir=str(tmp_path / "folder"), files_outside=True)
    assert (tmp_path / "data" / "a.txt").read_text() == "41"


def test_file_that_is_there_already_is_left_alone(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(monkeypatch, description(store))
    fetch_files()
    first = (tmp_path / "data" / "a.txt").stat().st_ino
    fetch_files()
    assert (tmp_path / "data" / "a.txt").stat().st_ino == first
    (tmp_path / "data" / "a.txt").write_text("other")
    fetch_files()
    assert (tmp_path / "data" / "a.txt").read_text() == "41"
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["a.txt", "b.txt"]


def test_yaml_file_stands_for_the_variables(tmp_path: Path, store: str) -> None:
    credentials = [{"id": "cred", "credentialType": "s3", **KEYS}]
    data = description(store, credentials=credentials)
    (tmp_path / "lazy.yaml").write_text(json.dumps(data))
    fetch_files(str(tmp_path / "lazy.yaml"))
    assert (tmp_path / "data" / "b.txt").read_text() == "1"
    assert "MLOPS_REPOSITORY_SECRET_CRED" in os.environ


def test_missing_remote_file_is_named(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [{"remotePath": "no/such", "localPath": "x", "repositoryId": 1}]
    export(monkeypatch, description(store, files=files))
    with pytest.raises(StartupError, match="failed to download 'no/such' from repository 1 to 'x'"):
        fetch_files()
    assert not (tmp_path / "x").exists()


def test_missing_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, description("http://127.0.0.1:1"))
    monkeypatch.delenv("MLOPS_REPOSITORY_SECRET_CRED")
    expected = "^Missing credential for repository 1, credential_id: cred$"
    with pytest.raises(StartupError, match=expected):
        fetch_files()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"files": []}, "files: a list with at least one entry is needed"),
        ({"repositories": "x"}, "repositories: a list with at least one entry is needed"),
        ({"files": ["x"]}, "files: every entry must be a mapping"),
        ({"files": [{"remotePath": ""}]}, "files: remote_path must be a text that is not empty"),
        (
            {"files": [{"remotePath": "a", "localPath": "b", "repositoryId": 9}]},
            "files: unknown repository 9",
        ),
    ],
)
def test_invalid_content(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], expected: str
) -> None:
    export(monkeypatch, description("http://127.0.0.1:1", **changes))
    with pytest.raises(StartupError) as error:
        fetch_files()
    assert str(error.value) == f"Invalid lazy loading content. {expected}"


def test_empty_endpoint_is_refused_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (description(""), snake(description(""))):
        export(monkeypatch, data)
        with pytest.raises(StartupError, match="endpoint_url must not be an empty string"):
            fetch_files()


@pytest.mark.parametrize("text", ["", "[]", "a: [", "files: []"])
def test_invalid_yaml_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "lazy.yaml").write_text(text)
    with pytest.raises(StartupError, match="^Invalid lazy loading YAML file content"):
        fetch_files(str(tmp_path / "lazy.yaml"))


def test_invalid_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_LAZY_LOADING_DATA", "{")
    with pytest.raises(StartupError, match="^Invalid lazy loading content"):
        fetch_files()


def told(failure: pytest.ExceptionInfo[StartupError]) -> str:
    return for_client(str(failure.value))


def test_the_keys_of_a_file_are_hidden_before_anything_else_of_it_is_looked_at(
    tmp_path: Path,
) -> None:
    fields = {"awsAccessKeyId": "AKIA-of-ours", "awsSecretAccessKey": 1234567890123}
    credentials = [{"id": "cred", "credentialType": "s3", **fields, "more": ["in-a-list"]}]
    (tmp_path / "lazy.yaml").write_text(json.dumps({"credentials": credentials}))
    with pytest.raises(StartupError):
        fetch_files(str(tmp_path / "lazy.yaml"))
    assert masked("AKIA-of-ours 1234567890123 in-a-list s3") == f"{MASK} {MASK} {MASK} s3"


@pytest.mark.parametrize("where", ["client", "head_object", "download_file"])
def test_errors_of_boto3_show_no_key(
    store: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    keys = {"awsAccessKeyId": "AKIA/of+ours", "awsSecretAccessKey": "the/secret+key"}
    export(monkeypatch, description(store))
    secret = json.dumps({"credentialType": "s3", **keys})
    monkeypatch.setenv("MLOPS_REPOSITORY_SECRET_CRED", secret)
    signed = f"{store}/?AWSAccessKeyId=AKIA%2Fof%2Bours&x={keys['awsSecretAccessKey']!r}"

    def fail(*_args: Any, **_keywords: Any) -> None:
        raise ValueError(f"no answer from {signed}: {base64.b64encode(b'u:the/secret+key')!r}")

    if where == "client":
        monkeypatch.setattr(boto3, "client", fail)
    else:
        make = boto3.client

        def client(*args: Any, **keywords: Any) -> Any:
            made = make(*args, **keywords)
            monkeypatch.setattr(made, where, fail)
            return made

        monkeypatch.setattr(boto3, "client", client)
    with pytest.raises(StartupError, match="Lazy loading failed to ") as caught:
        fetch_files()
    for text in (str(caught.value), told(caught), masked(str(caught.value.__cause__))):
        assert "no answer from" in text
        assert not [word for word in ("AKIA", "of%2Bours", "the/s", "dGhlL") if word in text]


@pytest.mark.parametrize(
    "slip", ["awsSecretAccessKey: *tell-nobody", "a: 'tell-nobody", "tell-nobody"]
)
def test_a_slip_beside_a_secret_is_not_told(tmp_path: Path, slip: str) -> None:
    (tmp_path / "lazy.yaml").write_text(f"credentials:\n- id: cred\n  {slip}\nfiles: []\n")
    with pytest.raises(StartupError, match="in line [3-5]$") as caught:
        fetch_files(str(tmp_path / "lazy.yaml"))
    assert "tell" not in str(caught.value)


def test_the_password_of_an_endpoint_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = description("http://someone:the-hidden-one@127.0.0.1:9/?sig=the-signature")
    credential = {"id": "cred", "credentialType": "s3"}
    keys = {"awsAccessKeyId": "AKIA-of-ours", "awsSecretAccessKey": "the-secret-key"}
    content["credentials"] = [credential | keys]
    (tmp_path / "lazy.yaml").write_text(json.dumps(content))
    with pytest.raises(StartupError, match="Lazy loading failed to ") as caught:
        fetch_files(str(tmp_path / "lazy.yaml"))
    for text in (told(caught), masked(str(caught.value))):
        assert MASK in text
        assert "the-hidden-one" not in text and "the-signature" not in text

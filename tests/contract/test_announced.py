"""The command that a server prints when it starts is answered, whatever it serves."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.serving.first_lines import first_lines
from datarobot_drum.drum.settings import ServerSettings, Settings
from tests.contract import hooks
from tests.contract.folders import NEEDS_TARGET_NAME, Folder, Folders, training_data
from tests.contract.fronts import Environment, application

CSV = "out:Predictions\n1\n"
WITH_LABELS = {"binary": "out:no,out:yes\n0.5,0.5\n", "multiclass": "out:a,out:b,out:c\n1,0,0\n"}
WITH_LABELS["multilabel"] = WITH_LABELS["multiclass"]


@contextmanager
def told(folder: Folder) -> Iterator[list[str]]:
    """The lines of a server that runs; in this process, as no server's own part has a say."""
    from datarobot_drum.drum.flask.app import create_app

    apps: list[object] = []

    def remember(service: object, settings: object) -> object:
        apps[:] = [service, settings]
        return create_app(service, settings)  # type: ignore[arg-type]

    environment = Environment()
    environment.use(folder.environment)
    try:
        with application(folder, "flask", remember, "custom_flask") as app:
            server = make_server("127.0.0.1", 0, app, threaded=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                service, settings = apps
                yield first_lines(settings, server.port, service)  # type: ignore[arg-type]
            finally:
                server.shutdown()
                thread.join()
                server.server_close()
    finally:
        environment.restore()


def status_of(command: str, folder: Path, rows: str = "") -> str:
    """What the shell makes of it, beside a file with the user's own rows."""
    (folder / "rows.csv").write_text(rows)
    return subprocess.run(
        f"{command} --silent --show-error --output answer --write-out '%{{http_code}}'",
        shell=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def ask(folder: Folder, cwd: Path, rows: str = "") -> tuple[str, str]:
    with told(folder) as (first, second):
        assert re.match(r"Serving on http://127\.0\.0\.1:\d+\S* with flask: model '", first)
        command = second.removeprefix("Ask it: ")
        assert status_of(command, cwd, rows) == "200", (cwd / "answer").read_text()
    return first, command


@pytest.mark.parametrize("name", ["regression", "binary", "multiclass", "anomaly"])
def test_a_row_of_the_models_own_columns(folders: Folders, name: str, tmp_path: Path) -> None:
    folder: Folder = getattr(folders, name)
    first, command = ask(folder.with_env(URL_PREFIX="/pre fix"), tmp_path)
    assert f"model '{name}', target type {name}, 1 worker, drum " in first
    assert "'" in command
    assert command.endswith("""--data-binary '[{"a": 1, "b": 1}]'""")


@pytest.mark.parametrize(
    "target_type",
    [t.value for t in TargetType if t not in (TargetType.UNSTRUCTURED, TargetType.TRANSFORM)],
)
def test_hooks_are_asked_with_the_users_rows(
    folders: Folders, target_type: str, tmp_path: Path
) -> None:
    rows = WITH_LABELS.get(target_type, CSV)
    _, command = ask(folders.echo_of(target_type), tmp_path, rows)
    assert command.endswith("-H 'Content-Type: text/csv' --data-binary @rows.csv")


def test_transform(folders: Folders, tmp_path: Path) -> None:
    from sklearn.preprocessing import StandardScaler

    frame, _ = training_data(lambda a, b: a)
    scaler = StandardScaler().fit(frame)
    folder = folders.with_model("announced_scaler", scaler, "--target-type", "transform")
    assert "/transform/ " in ask(folder, tmp_path)[1]


def test_unstructured(folders: Folders, tmp_path: Path) -> None:
    folder = folders.make("announced", {"custom.py": hooks.UNSTRUCTURED}).of_type("unstructured")
    assert "/predictUnstructured/ " in ask(folder, tmp_path)[1]


@pytest.mark.parametrize("target_type", ["textgeneration", "agenticworkflow", "regression"])
def test_chat(folders: Folders, target_type: str, tmp_path: Path) -> None:
    assert target_type == "regression" or target_type in NEEDS_TARGET_NAME
    chat = "def chat(params, model):\n    return Answer()\n"
    answer = (
        "from types import SimpleNamespace as N\n"
        "class Answer:\n"
        "    object = 'chat.completion'\n"
        "    choices = [N(message=N(content='hello'))]\n"
        "    def to_dict(self):\n        return {'object': self.object}\n"
    )
    folder = folders.make(f"announced_{target_type}", {"custom.py": answer + chat})
    folder = folder.of_type(target_type).with_env(TARGET_NAME="answer")
    assert "/chat/completions " in ask(folder, tmp_path)[1]


def test_names_that_a_shell_would_read(folders: Folders, tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    frame, target = training_data(lambda a, b: a)
    frame.columns = ['it\'s $(touch x); "a"\n', "größe\x1b[2J`b`"]
    model = LinearRegression().fit(frame, target)
    folder = folders.with_model("odd names", model, "--target-type", "regression")
    _, command = ask(folder, tmp_path)
    assert command.isascii()
    assert command.isprintable()
    assert not (tmp_path / "x").exists()


def test_words_that_an_encoder_does_not_know_are_not_made_up(
    folders: Folders, tmp_path: Path
) -> None:
    import pandas as pd
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = pd.DataFrame({"color": ["red", "blue", "red"]})
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows, [1, 2, 1])
    folder = folders.with_model("encoder", model, "--target-type", "regression")
    _, command = ask(folder, tmp_path, "color\nred\n")
    assert command.endswith("@rows.csv")


def test_an_error_server_says_so_and_names_no_command(folders: Folders) -> None:
    from datarobot_drum.drum.prediction.failed import FailedService

    settings = Settings(command="server", model=None, server=ServerSettings())  # type: ignore[arg-type]
    (line,) = first_lines(settings, 81, FailedService(ValueError("no weights")))
    assert line.startswith(
        "Serving on http://127.0.0.1:81 with flask: every request gets the reason why there is no"
        " model (513), 1 worker, drum "
    )

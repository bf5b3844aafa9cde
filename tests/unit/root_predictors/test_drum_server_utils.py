"""`DrumServerRun` and the helpers that read what a server answers."""

from __future__ import annotations

import os
import shlex
import urllib.request
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.root_predictors import drum_server_utils
from datarobot_drum.drum.root_predictors.drum_server_utils import DrumServerRun, wait_for_server
from datarobot_drum.drum.root_predictors.transform_helpers import (
    parse_multi_part_response,
    read_csv_payload,
    read_mtx_payload,
    read_x_data_from_response,
)
from tests.servers.harness import free_port
from tests.unit.folders import write_folder

TRANSFORM = """
def transform(data, model):
    if "sparse" not in data:
        return data * 2
    from scipy.sparse import csr_matrix
    return pd.DataFrame.sparse.from_spmatrix(csr_matrix(data), columns=data.columns)
"""


def post(url: str, body: bytes) -> SimpleNamespace:
    request = urllib.request.Request(url, body, {"Content-Type": "text/csv"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return SimpleNamespace(content=answer.read(), headers=answer.headers)


def headers(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type
    return message


@pytest.mark.servers
def test_a_server_runs_inside_the_block_and_its_answers_are_read(tmp_path: Path):
    folder = write_folder(tmp_path, TRANSFORM)
    with DrumServerRun("transform", None, str(folder)) as run:
        wait_for_server(run.url_server_address + "/ping/", 30)
        url = run.url_server_address + "/transform/"
        dense = post(url, b"a,b\n1,2\n3,4\n")
        assert read_x_data_from_response(dense).to_dict("list") == {"a": [2, 6], "b": [4, 8]}
        parts = parse_multi_part_response(dense)
        assert parts["X.format"] == "csv"
        assert read_csv_payload(parts, "X.transformed")["b"].tolist() == [4, 8]
        sparse = post(url, b"sparse,b\n0,2\n3,0\n")
        parts = parse_multi_part_response(sparse)
        assert parts["X.colnames"] == b"sparse\nb"
        assert read_mtx_payload(parts, "X.transformed").toarray().tolist() == [[0, 2], [3, 0]]
        assert read_x_data_from_response(sparse).to_numpy().tolist() == [[0, 2], [3, 0]]
        assert run.process.returncode is None
    assert run.process.returncode == 0
    assert run.process.out_stream is not None
    assert run.server_thread is not None
    assert not run.server_thread.is_alive()


@pytest.mark.servers
def test_options_go_as_variables_and_leave_the_host_alone(tmp_path: Path):
    folder = write_folder(
        tmp_path,
        """
        import os
        def score(data, model, **kwargs):
            yes = float(os.environ["TARGET_NAME"] == "t")
            return pd.DataFrame({"y": [yes] * len(data), "n": [1 - yes] * len(data)})
        """,
    )
    before = dict(os.environ)
    run = DrumServerRun(
        "binary", ["n", "y"], str(folder), target_name="t", pass_args_as_env_vars=True
    )
    assert "--positive-class-label" not in run.get_command()
    with run:
        answer = post(run.url_server_address + "/predict/", b"a\n1\n").content
    assert answer == b'{"predictions":[{"y":1.0,"n":0.0}]}'
    assert dict(os.environ) == before


@pytest.mark.servers
def test_an_error_server_is_up_too(tmp_path: Path):
    folder = write_folder(tmp_path, "raise ValueError('broken')")
    with DrumServerRun("regression", None, str(folder), with_error_server=True) as run:
        wait_for_server(run.url_server_address, 30)


@pytest.mark.servers
def test_a_server_that_ends_at_once_is_told_at_once(tmp_path: Path):
    folder = write_folder(tmp_path, "raise ValueError('broken')")
    with (
        pytest.raises(TimeoutError, match="Server failed to start: url: .*(?s:.*)broken"),
        DrumServerRun("regression", None, str(folder), wait_for_server_timeout=600),
    ):
        pass


def test_waiting_ends():
    with pytest.raises(TimeoutError, match="Server failed to start: url: http://127.0.0.1"):
        wait_for_server(f"http://127.0.0.1:{free_port()}/", 0)


def test_the_command_line():
    run = DrumServerRun(
        "multiclass",
        ["a b", "c"],
        "a folder",
        show_stacktrace=False,
        verbose=False,
        logging_level="info",
        max_workers=2,
        port=1234,
        append_cmd="--lazy-loading-file 'a file'",
    )
    words = shlex.split(run.get_command())
    assert words[2:] == (
        ["datarobot_drum", "server", "--code-dir", "a folder", "--target-type", "multiclass"]
        + ["--address", "localhost:1234", "--logging-level", "info", "--max-workers", "2"]
        + ["--class-labels", "a b", "c", "--lazy-loading-file", "a file"]
    )
    assert run.url_server_address == "http://localhost:1234"
    assert run.server_address == "localhost:1234"
    assert DrumServerRun("regression", None, "m", cmd_override="mine").get_command() == "mine"


@pytest.mark.parametrize(("processors", "workers"), [(1, "1"), (3, "3"), (64, "4")])
def test_production_has_up_to_four_workers(
    monkeypatch: pytest.MonkeyPatch, processors: int, workers: str
):
    monkeypatch.setattr(drum_server_utils, "available_processors", lambda: processors)
    words = shlex.split(DrumServerRun("regression", None, "m", production=True).get_command())
    assert words[words.index("--max-workers") + 1] == workers
    assert "--production" in words
    given = DrumServerRun("regression", None, "m", production=True, max_workers=7)
    assert "--max-workers 7 " in given.get_command()
    assert "--max-workers" not in DrumServerRun("regression", None, "m").get_command()


@pytest.mark.servers
def test_production_without_a_number_of_workers_starts(tmp_path: Path):
    folder = write_folder(
        tmp_path, "def score(data, model, **kwargs):\n    return data.rename(columns={'a': 'p'})\n"
    )
    with DrumServerRun("regression", None, str(folder), production=True) as run:
        answer = post(run.url_server_address + "/predict/", b"a\n1\n").content
    assert answer == b'{"predictions":[1.0]}'


def test_a_form_that_is_none():
    with pytest.raises(PayloadError, match="boundary"):
        parse_multi_part_response(SimpleNamespace(content=b"x", headers=headers("text/csv")))


def test_text_parts_are_read_like_files():
    assert read_csv_payload({"y": "a\n1"}, "y")["a"].tolist() == [1]
    mtx = "%%MatrixMarket matrix array real general\n1 1\n5\n"
    assert read_mtx_payload({"y": mtx}, "y").toarray().tolist() == [[5]]

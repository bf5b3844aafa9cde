"""Hooks: their order and arguments, what they may return, how they fail."""

from __future__ import annotations

import pickle

import pytest

from tests.contract.clients import file_part
from tests.contract.folders import YES_NO, Folders
from tests.contract.fronts import Serve, in_process

USER_ERROR = "X-Drum-User-Http-Error"


def test_hooks_run_in_their_order(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.all_hooks).predict("x\n1\n2\n")
    # read_input_data, transform (+1), score (*10), post_process (+5)
    assert answer.predictions == [25.0, 35.0]


def test_init_and_load_model_run_once_before_serving(serve: Serve, folders: Folders) -> None:
    client = serve(folders.all_hooks)
    client.predict("x\n1\n")
    found = client.predict("x,do\n1,score:calls\n").json()["extraModelOutput"]
    assert found["columns"] == ["calls", "init", "bytes"]
    assert found["data"] == [["init,load_model", "code_dir", "bytes"]]


@pytest.mark.parametrize("content_type", ["application/json", "image/png", "text/csv"])
def test_read_input_data_reads_any_format(
    serve: Serve, folders: Folders, content_type: str
) -> None:
    answer = serve(folders.all_hooks).post("/predict/", b"y;x\n1;2\n", content_type)
    assert answer.predictions == [35.0]


def test_read_input_data_gets_the_file_part(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.all_hooks).upload("/predict/", file_part("X", b"y;x\n1;2\n", "f.bin"))
    assert answer.predictions == [35.0]


def test_read_input_data_does_not_help_a_request_without_rows(
    serve: Serve, folders: Folders
) -> None:
    assert serve(folders.all_hooks).post("/predict/").status == 422


def test_what_read_input_data_returns_goes_to_the_next_hook(serve: Serve, folders: Folders) -> None:
    answer = serve(folders.all_hooks).predict("read:none")
    assert (answer.status, answer.message) == (
        500,
        "ERROR: Model 'transform hook' failed to transform dataset. "
        "Exception: ValueError('no data')",
    )


FAILURES = {
    "read:raise": "Model 'read_input_data' hook failed to read input data. "
    "Exception: ValueError('cannot read this')",
    "x,do\n1,transform:raise\n": "Model 'transform hook' failed to transform dataset. "
    "Exception: ValueError('the 1 rows are unlucky')",
    "x,do\n1,transform:list\n": "transform must return a dataframe, but received <class 'list'>",
    "x,do\n1,transform:none\n": "transform must return a dataframe, "
    "but received <class 'NoneType'>",
    "x,do\n1,score:raise\n": "Model 'score' hook failed to make predictions. "
    "Exception: ValueError('the 1 rows are unlucky')",
    "x,do\n1,score:list\n": "score must return a dataframe, but received <class 'list'>",
    "x,do\n1,score:none\n": "score must return a dataframe, but received <class 'NoneType'>",
    "x,do\n1,post:raise\n": "Model 'post_process' hook failed to post-process predictions. "
    "Exception: ValueError('the 1 rows are unlucky')",
    "x,do\n1,post:list\n": "Output of post_process hook must be a dataframe, not a <class 'list'>",
}


@pytest.mark.parametrize("rows", FAILURES)
def test_hook_failure(serve: Serve, folders: Folders, rows: str) -> None:
    answer = serve(folders.all_hooks).predict(rows)
    assert (answer.status, answer.message) == (500, f"ERROR: {FAILURES[rows]}")
    assert answer.headers["Content-Type"] == "application/json"
    assert USER_ERROR not in answer.headers


@pytest.mark.parametrize("hook", ["transform", "score", "post"])
def test_decision_04_paths_of_the_server_are_not_told(
    serve: Serve, folders: Folders, hook: str
) -> None:
    answer = serve(folders.all_hooks).predict(f"x,do\n1,{hook}:path\n")
    assert answer.status == 500
    assert "FileNotFoundError" in answer.message
    assert "custom.py" not in answer.message
    assert str(folders.all_hooks.path.parent) not in answer.message


@pytest.mark.parametrize("hook", ["transform", "score", "post"])
@pytest.mark.parametrize("end", ["exit", "panic", "interrupt"])
def test_what_would_end_a_thread_is_the_failure_of_its_hook(
    serve: Serve, folders: Folders, hook: str, end: str
) -> None:
    client = serve(folders.all_hooks)
    answer = client.predict(f"x,do\n1,{hook}:{end}\n")
    assert answer.status == 500
    assert answer.message.startswith("ERROR: ")
    assert client.predict("x\n1\n").predictions == [25.0]


@pytest.mark.parametrize(
    ("rows", "status", "message"),
    [
        ("read:http", 415, "not this format"),
        ("x,do\n1,transform:http\n", 429, "come back tomorrow"),
        ("x,do\n1,score:http\n", 429, "come back tomorrow"),
        ("x,do\n1,post:http\n", 429, "come back tomorrow"),
        ("x,do\n1,score:http_default\n", 400, "User's HTTP error in custom model"),
        ("x,do\n1,score:teapot\n", 418, "short and stout"),
    ],
)
def test_error_raised_by_the_user(
    serve: Serve, folders: Folders, rows: str, status: int, message: str
) -> None:
    answer = serve(folders.all_hooks).predict(rows)
    assert (answer.status, answer.message) == (status, message)
    assert answer.headers[USER_ERROR] == "true"
    assert "X_Request_ID" in answer.headers


@pytest.mark.parametrize("hook", ["score", "post"])
@pytest.mark.parametrize(("action", "got"), [("fewer", 2), ("more", 4)])
def test_decision_03_row_counts(
    serve: Serve, folders: Folders, hook: str, action: str, got: int
) -> None:
    answer = serve(folders.all_hooks).predict(f"x,do\n1,{hook}:{action}\n2,\n3,\n")
    assert (answer.status, answer.message) == (
        500,
        "ERROR: Your predictions must have one row for each input row. "
        f"Expected 3 rows, but received {got}",
    )


def test_score_gets_its_keywords(serve: Serve, folders: Folders) -> None:
    rows = "out:yes,out:no,do\n0.5,0.5,score:kwargs\n"
    client = serve(folders.echo_of("binary"))
    found = client.post("/predict/", rows, "text/csv; charset=latin-1").json()["extraModelOutput"]
    assert found["columns"] == ["kwargs", "model"]
    (keywords, model) = found["data"][0]
    assert model == "a model"
    assert keywords == {
        "binary_data": str(rows.encode()),
        "charset": keywords["charset"],
        "mimetype": "text/csv",
        "negative_class_label": "no",
        "positive_class_label": "yes",
        "sparse_colnames": "None",
        "target_type": "TargetType.BINARY",
    }


def test_score_of_a_multiclass_model_gets_the_labels(serve: Serve, folders: Folders) -> None:
    rows = "out:a,out:b,out:c,do\n0.5,0.25,0.25,score:kwargs\n"
    client = serve(folders.echo_of("multiclass"))
    keywords = client.predict(rows).json()["extraModelOutput"]["data"][0][0]
    assert keywords["class_labels"] == "['a', 'b', 'c']"
    assert "positive_class_label" not in keywords


def test_score_keywords_of_a_file_part(serve: Serve, folders: Folders) -> None:
    rows = "out:Predictions,do\n0.5,score:kwargs\n"
    answer = serve(folders.echo_of("regression")).upload(
        "/predict/", file_part("X", rows, "rows.csv")
    )
    keywords = answer.json()["extraModelOutput"]["data"][0][0]
    assert keywords["binary_data"] == str(rows.encode())
    assert keywords["target_type"] == "TargetType.REGRESSION"


RENAMES = """
def transform(data, model):
    return data.rename(columns={"first": "a", "second": "b"})
"""
REVERSES = """
def post_process(predictions, model):
    return predictions[predictions.columns[::-1]]
"""
WRONG_COLUMNS = """
def post_process(predictions, model):
    return predictions.rename(columns={"yes": "maybe"})
"""


@in_process
def test_transform_before_an_artifact(serve: Serve, folders: Folders) -> None:
    files: dict[str, str | bytes] = {
        "model.pkl": pickle.dumps(folders.regression.model),
        "custom.py": RENAMES,
    }
    client = serve(folders.make("renames", files).of_type("regression"))
    answer = client.predict("first,second\n1,2\n")
    assert answer.predictions == serve(folders.regression).predict("a,b\n1,2\n").predictions


@in_process
def test_post_process_after_an_artifact(serve: Serve, folders: Folders) -> None:
    files: dict[str, str | bytes] = {
        "model.pkl": pickle.dumps(folders.binary.model),
        "custom.py": REVERSES,
    }
    client = serve(folders.make("reverses", files).of_type("binary", *YES_NO))
    answer = client.predict("a,b\n1,2\n9,0\n")
    assert answer.predictions == serve(folders.binary).predict("a,b\n1,2\n9,0\n").predictions
    assert [list(row) for row in answer.predictions] == [["yes", "no"]] * 2


@in_process
def test_post_process_cannot_rename_labels(serve: Serve, folders: Folders) -> None:
    files: dict[str, str | bytes] = {
        "model.pkl": pickle.dumps(folders.binary.model),
        "custom.py": WRONG_COLUMNS,
    }
    client = serve(folders.make("wrong_columns", files).of_type("binary", *YES_NO))
    answer = client.predict("a,b\n1,2\n")
    assert answer.status == 500
    assert answer.message.startswith("ERROR: Expected predictions to have columns")

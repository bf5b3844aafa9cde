"""What a model may return, and how it is written: every structured target type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.clients import Answer
from tests.contract.folders import Folders
from tests.contract.fronts import Serve, in_process

NUMERIC = ["regression", "anomaly"]
TEXT = ["textgeneration", "vectordatabase", "agenticworkflow", "geopoint"]
NAMED = ["textgeneration", "vectordatabase", "agenticworkflow"]


def csv_of(columns: dict[str, list[Any]]) -> str:
    lines = [
        ",".join(columns),
        *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
    ]
    return "\n".join(lines) + "\n"


def returned(serve: Serve, folders: Folders, target_type: str, /, **columns: list[Any]) -> Answer:
    """The answer when the score hook returns these columns; ``do`` is an order to it."""
    orders = columns.pop("do", None)
    table = {f"out:{name}": values for name, values in columns.items()}
    if orders is not None:
        table["do"] = [*orders, *[""] * (len(next(iter(table.values()))) - len(orders))]
    return serve(folders.echo_of(target_type)).predict(csv_of(table))


def assert_fails(answer: Answer, text: str) -> None:
    assert (answer.status, answer.message) == (500, f"ERROR: {text}")


# -- single-column types


@pytest.mark.parametrize("target_type", NUMERIC)
@pytest.mark.parametrize("name", ["Predictions", "anything at all"])
def test_single_numeric_column(serve: Serve, folders: Folders, target_type: str, name: str) -> None:
    answer = returned(serve, folders, target_type, **{name: [1.5, 2]})
    assert answer.body == b'{"predictions":[1.5,2.0]}'


@in_process
@pytest.mark.parametrize("target_type", TEXT)
def test_single_text_column(serve: Serve, folders: Folders, target_type: str) -> None:
    answer = returned(serve, folders, target_type, anything=["hello", "NA", "world"])
    assert answer.body == b'{"predictions":["hello",null,"world"]}'


@in_process
@pytest.mark.parametrize("target_type", TEXT)
def test_text_types_keep_numbers_as_they_are(
    serve: Serve, folders: Folders, target_type: str
) -> None:
    assert returned(serve, folders, target_type, v=[1, 2]).predictions == [1, 2]


@pytest.mark.parametrize("target_type", NUMERIC)
def test_numeric_types_are_cast_to_float(serve: Serve, folders: Folders, target_type: str) -> None:
    assert returned(serve, folders, target_type, v=[1, 2]).body == b'{"predictions":[1.0,2.0]}'
    assert returned(serve, folders, target_type, v=["True", "False"]).predictions == [1.0, 0.0]
    texts = returned(serve, folders, target_type, v=[1.5, 2], do=["score:strings"])
    assert texts.predictions == [1.5, 2.0]


@pytest.mark.parametrize("target_type", NUMERIC)
def test_text_from_a_numeric_type(serve: Serve, folders: Folders, target_type: str) -> None:
    answer = returned(serve, folders, target_type, v=["a", "b"])
    assert_fails(answer, "could not convert string to float: 'a'")


@pytest.mark.parametrize("target_type", ["regression", "anomaly", "geopoint"])
def test_several_columns_without_the_prediction_column(
    serve: Serve, folders: Folders, target_type: str
) -> None:
    answer = returned(serve, folders, target_type, v=[1.5], w=[2])
    assert_fails(answer, "\"['Predictions'] not found in axis\"")


@in_process
@pytest.mark.parametrize("target_type", NAMED)
def test_several_columns_without_the_target_name(
    serve: Serve, folders: Folders, target_type: str
) -> None:
    answer = returned(serve, folders, target_type, Predictions=["x"], w=[2])
    assert_fails(answer, "\"['answer'] not found in axis\"")


@pytest.mark.parametrize("target_type", ["regression", "anomaly", "geopoint"])
def test_extra_columns_beside_predictions(serve: Serve, folders: Folders, target_type: str) -> None:
    answer = returned(serve, folders, target_type, z=["q", "NA"], Predictions=[1.5, 2], w=[1, 2])
    assert answer.body == (
        b'{"predictions":[1.5,2.0],"extraModelOutput":'
        b'{"columns":["z","w"],"index":[0,1],"data":[["q",1],[null,2]]}}'
    )


@in_process
@pytest.mark.parametrize("target_type", NAMED)
def test_extra_columns_beside_the_target_name(
    serve: Serve, folders: Folders, target_type: str
) -> None:
    answer = returned(serve, folders, target_type, z=["q"], answer=["hello"])
    assert answer.json() == {
        "predictions": ["hello"],
        "extraModelOutput": {"columns": ["z"], "index": [0], "data": [["q"]]},
    }


def test_target_name_in_quotes_means_the_name_inside(serve: Serve, folders: Folders) -> None:
    folder = folders.echo.of_type("textgeneration").with_env(TARGET_NAME='"answer"')
    answer = serve(folder).predict("out:z,out:answer\nq,hello\n")
    assert answer.predictions == ["hello"]


def test_no_rows(serve: Serve, folders: Folders) -> None:
    client = serve(folders.echo_of("regression"))
    assert client.predict("out:Predictions,x\n").body == b'{"predictions":[]}'


# -- labels


def test_binary_columns_by_name(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "binary", yes=[0.75, 0.5], no=[0.25, 0.5])
    assert answer.body == b'{"predictions":[{"yes":0.75,"no":0.25},{"yes":0.5,"no":0.5}]}'


def test_columns_keep_the_hooks_order(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "multiclass", c=[0.5], a=[0.25], b=[0.25])
    assert answer.body == b'{"predictions":[{"c":0.5,"a":0.25,"b":0.25}]}'


def test_multilabel_rows_need_not_add_up(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "multilabel", a=[1, 0], b=[0.75, 0], c=[0.5, 0])
    assert answer.predictions == [{"a": 1, "b": 0.75, "c": 0.5}, {"a": 0, "b": 0, "c": 0}]


@pytest.mark.parametrize(
    ("positive", "negative"), [("YES", "No"), ("True", "False"), ("1", "0"), ("1.0", "0.0")]
)
def test_labels_are_folded(serve: Serve, folders: Folders, positive: str, negative: str) -> None:
    answer = returned(serve, folders, "binary", **{positive: [0.75], negative: [0.25]})
    assert answer.predictions == [{"yes": 0.75, "no": 0.25}]


def test_wrong_labels(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "binary", up=[0.75], down=[0.25])
    assert answer.status == 500
    assert answer.message.startswith(
        "ERROR: Expected predictions to have columns ['yes', 'no'], but encountered Index(["
    )


@pytest.mark.parametrize("target_type", ["multiclass", "multilabel"])
def test_wrong_label_among_three(serve: Serve, folders: Folders, target_type: str) -> None:
    answer = returned(serve, folders, target_type, a=[0.5], b=[0.25], d=[0.25])
    assert answer.status == 500
    assert "Expected predictions to have columns ['a', 'b', 'c'], but encountered" in answer.message


def test_extra_columns_beside_labels(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "binary", why=["so"], yes=[0.75], n=[7], no=[0.25])
    assert answer.body == (
        b'{"predictions":[{"yes":0.75,"no":0.25}],"extraModelOutput":'
        b'{"columns":["why","n"],"index":[0],"data":[["so",7]]}}'
    )


def test_label_missing_among_more_columns(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "binary", yes=[0.75], x=[1], y=[2])
    assert_fails(answer, "\"['no'] not found in axis\"")


@pytest.mark.parametrize("target_type", ["binary", "multiclass", "multilabel"])
def test_negative_probabilities(serve: Serve, folders: Folders, target_type: str) -> None:
    answer = returned(serve, folders, target_type, **probabilities(target_type, -0.5, 1.5))
    assert_fails(answer, "Your prediction probabilities have negative values")


@pytest.mark.parametrize("target_type", ["binary", "multiclass", "multilabel"])
def test_probabilities_above_one(serve: Serve, folders: Folders, target_type: str) -> None:
    answer = returned(serve, folders, target_type, **probabilities(target_type, 0.5, 1.5))
    assert_fails(answer, "Your prediction probabilities have values greater than 1")


def probabilities(target_type: str, first: float, second: float) -> dict[str, list[Any]]:
    names = ("yes", "no") if target_type == "binary" else ("a", "b", "c")
    columns = ([0.5, first], [0.5, second], [0, 0])[: len(names)]
    return dict(zip(names, columns, strict=True))


@pytest.mark.parametrize(
    ("target_type", "good"), [("binary", {"yes": 0.5}), ("multiclass", {"a": 0.25, "b": 0.25})]
)
def test_rows_that_do_not_add_up(
    serve: Serve, folders: Folders, target_type: str, good: dict[str, float]
) -> None:
    last = "no" if target_type == "binary" else "c"
    columns = {name: [value] * 2 for name, value in good.items()}
    answer = returned(serve, folders, target_type, **columns, **{last: [0.5, 0.25]})
    assert answer.status == 500
    assert answer.message.startswith("ERROR: Your prediction probabilities do not add up to 1. \n")


@pytest.mark.parametrize(
    ("last", "status"), [("0.5", 200), ("0.500001", 200), ("0.50002", 500), ("0.49998", 500)]
)
def test_the_sum_has_a_tolerance(serve: Serve, folders: Folders, last: str, status: int) -> None:
    assert returned(serve, folders, "binary", yes=[0.5], no=[last]).status == status


def test_missing_probability(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "binary", yes=[0.5, ""], no=[0.5, ""])
    assert "do not add up to 1" in answer.message


def test_one_column_of_three_labels(serve: Serve, folders: Folders) -> None:
    assert returned(serve, folders, "multiclass", a=[0.5]).status == 500


def test_two_columns_of_three_labels(serve: Serve, folders: Folders) -> None:
    assert returned(serve, folders, "multiclass", a=[0.5], b=[0.5]).status == 500


def test_text_as_a_probability(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "binary", yes=["high"], no=["low"])
    assert answer.status == 500
    assert answer.message.startswith("ERROR: ")


# -- decision 2: numbers


@pytest.mark.parametrize(
    "text", ["1.8128163742270706", "1.2e-12", "5e-324", "1e+300", "0.1", "-0.0", "123456789.125"]
)
def test_decision_02_numbers_are_written_whole(serve: Serve, folders: Folders, text: str) -> None:
    import io

    import pandas as pd

    (value,) = pd.read_csv(io.StringIO(f"v\n{text}\n"))["v"]
    (found,) = returned(serve, folders, "regression", v=[text]).predictions
    assert str(found) == str(float(value))


def test_decision_02_no_number_is_null(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "regression", v=["inf", "-inf", 1.5, "NaN"])
    assert answer.body == b'{"predictions":[null,null,1.5,null]}'


def test_decision_02_no_number_in_extra_output_is_null(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "regression", Predictions=[1, 2], w=["inf", 1.5])
    assert answer.json()["extraModelOutput"]["data"] == [[None], [1.5]]


# -- the rest of what pandas' to_json does


def test_text_is_ascii_with_escaped_slashes(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "textgeneration", v=["a/b \u00e9 \U0001f600"])
    assert answer.body == rb'{"predictions":["a\/b \u00e9 \ud83d\ude00"]}'


def test_moments_are_epoch_milliseconds(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "regression", Predictions=[1], do=["score:moment"])
    assert answer.json()["extraModelOutput"]["data"] == [[1577934245000]]


def test_nested_values_are_kept(serve: Serve, folders: Folders) -> None:
    answer = returned(serve, folders, "regression", Predictions=[1], do=["score:nested"])
    assert answer.json()["extraModelOutput"]["data"] == [[{"a": [1, None]}]]


# -- decision 3: rows


def test_decision_03_the_index_is_the_frames_own(serve: Serve, folders: Folders) -> None:
    answer = returned(
        serve, folders, "regression", Predictions=[1, 2], w=[3, 4], do=["score:odd_index"]
    )
    assert answer.json() == {
        "predictions": [1, 2],
        "extraModelOutput": {"columns": ["w"], "index": [7, 8], "data": [[3], [4]]},
    }


@pytest.mark.parametrize("target_type", ["regression", "textgeneration", "geopoint"])
@pytest.mark.parametrize(("action", "got"), [("fewer", 1), ("more", 3)])
def test_decision_03_row_counts_of_score(
    serve: Serve, folders: Folders, target_type: str, action: str, got: int
) -> None:
    answer = returned(serve, folders, target_type, v=[1, 2], do=[f"score:{action}"])
    assert_fails(
        answer,
        "Your predictions must have one row for each input row. "
        f"Expected 2 rows, but received {got}",
    )


@pytest.mark.parametrize("action", ["fewer", "more"])
def test_decision_03_row_counts_with_labels(serve: Serve, folders: Folders, action: str) -> None:
    answer = returned(serve, folders, "binary", yes=[1, 0], no=[0, 1], do=[f"score:{action}"])
    assert "Your predictions must have one row for each input row." in answer.message


# -- decision 17: labels


def test_decision_17_exact_labels_beat_folding(serve: Serve, folders: Folders) -> None:
    labels = ("--class-labels", "A", "a", "b")
    client = serve(folders.echo.of_type("multiclass", *labels))
    answer = client.predict("out:a,out:A,out:b\n0.5,0.25,0.25\n")
    assert answer.predictions == [{"a": 0.5, "A": 0.25, "b": 0.25}]


def test_decision_17_labels_that_collide_are_named(serve: Serve, folders: Folders) -> None:
    labels = ("--class-labels", "A", "a", "b")
    client = serve(folders.echo.of_type("multiclass", *labels))
    answer = client.predict("out:A,out:1,out:b\n0.5,0.25,0.25\n")
    assert answer.status == 500
    assert "'A'" in answer.message
    assert "'a'" in answer.message

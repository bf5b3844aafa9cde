"""Property tests: JSON keeps every float, labels are never swapped, and ``drum score`` says
the same as ``/predict/``."""

from __future__ import annotations

import csv
import io
import math
import string
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.clients import Calls
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve, in_process, own_logging

# That all fronts answer alike is shown elsewhere.
one_front = pytest.mark.parametrize("front", ["fastapi"], indirect=True, scope="module")
relaxed = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def csv_text(columns: dict[str, list[Any]]) -> str:
    """A table as CSV; None is an empty cell, floats are written whole."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


def same_number(found: Any, sent: float) -> bool:
    if not math.isfinite(sent):
        return found is None
    return isinstance(found, float) and found.hex() == float(sent).hex()


@in_process
@relaxed
@given(values=st.lists(st.floats(width=64), min_size=1, max_size=20))
def test_decision_02_json_parses_back_to_the_same_floats(
    serve: Serve, folders: Folders, values: list[float]
) -> None:
    text = csv_text({"out:Predictions": [repr(value) for value in values], "more": values})
    sent = pd.read_csv(io.StringIO(text))["out:Predictions"].astype(float).tolist()
    found = serve(folders.echo_of("regression")).predict(text).predictions
    assert len(found) == len(sent)
    assert all(map(same_number, found, sent))


@in_process
@relaxed
@given(values=st.lists(st.floats(width=64), min_size=1, max_size=20))
def test_decision_02_extra_output_parses_back_too(
    serve: Serve, folders: Folders, values: list[float]
) -> None:
    text = csv_text({"out:Predictions": [1.0] * len(values), "out:x": [repr(v) for v in values]})
    sent = pd.read_csv(io.StringIO(text))["out:x"].astype(float).tolist()
    answer = serve(folders.echo_of("regression")).predict(text)
    found = [row[0] for row in answer.json()["extraModelOutput"]["data"]]
    assert all(map(same_number, found, sent))


LABELS = ["zeta", "Alpha", "caf\u00e9 / bar", 'quote "it"', "100%", "two words", "7"]


def respelled(label: str, how: str) -> str:
    return {"upper": label.upper(), "lower": label.lower()}.get(how, label)


@in_process
@relaxed
@given(
    order=st.permutations(range(len(LABELS))),
    spelling=st.lists(
        st.sampled_from(["same", "upper", "lower"]), min_size=len(LABELS), max_size=len(LABELS)
    ),
    weights=st.lists(st.integers(1, 1000), min_size=len(LABELS), max_size=len(LABELS)),
)
def test_labels_are_never_swapped(
    serve: Serve, folders: Folders, order: list[int], spelling: list[str], weights: list[int]
) -> None:
    folder = folders.echo.of_type("multilabel", "--class-labels", *LABELS)
    shares = {LABELS[i]: weights[i] / 1000 for i in order}
    columns = {f"out:{respelled(LABELS[i], spelling[i])}": [shares[LABELS[i]]] for i in order}
    (found,) = serve(folder).predict(csv_text(columns)).predictions
    assert found == shares
    assert list(found) == list(shares)


@in_process
@relaxed
@given(
    order=st.permutations(range(len(LABELS) + 2)),
    weights=st.lists(st.integers(1, 1000), min_size=len(LABELS), max_size=len(LABELS)),
)
def test_labels_among_extra_columns_are_never_swapped(
    serve: Serve, folders: Folders, order: list[int], weights: list[int]
) -> None:
    folder = folders.echo.of_type("multilabel", "--class-labels", *LABELS)
    cells: dict[str, Any] = {
        label: weight / 1000 for label, weight in zip(LABELS, weights, strict=True)
    }
    cells |= {"why": "so", "n": 5}
    names = [[*LABELS, "why", "n"][i] for i in order]
    answer = serve(folder).predict(csv_text({f"out:{name}": [cells[name]] for name in names}))
    (found,) = answer.predictions
    assert list(found.items()) == [(name, cells[name]) for name in names if name in LABELS]
    extra = answer.json()["extraModelOutput"]
    assert extra["columns"] == [name for name in names if name not in LABELS]
    assert extra["data"] == [[cells[name] for name in extra["columns"]]]


# -- drum score


Table = dict[str, list[Any]]


def cell(text: str) -> Any:
    """A cell as JSON would have it: a number, a text, or nothing."""
    try:
        return float(text)
    except ValueError:
        return text or None


def scored(folder: Folder, text: str, work: Path) -> Table:
    """The table that ``drum score`` writes for these rows."""
    from datarobot_drum.__main__ import main

    rows, output = work / "rows.csv", work / "output.csv"
    rows.write_bytes(text.encode())
    output.unlink(missing_ok=True)
    argv = ["drum", "score", "--code-dir", str(folder.path), "--input", str(rows)]
    with own_logging(), patch.object(sys, "argv", [*argv, "--output", str(output), *folder.args]):
        assert main() == 0
    with output.open(encoding="utf-8", newline="") as lines:
        header, *table = csv.reader(lines)
    return {name: [cell(row[i]) for row in table] for i, name in enumerate(header)}


def answered(client: Calls, text: str) -> Table:
    """The same table from what ``/predict/`` answers."""
    answer = client.predict(text)
    predictions = answer.predictions
    if not isinstance(predictions[0], dict):
        predictions = [{"Predictions": value} for value in predictions]
    extra = answer.json().get("extraModelOutput", {"columns": [], "data": [[]] * len(predictions)})
    rows = [
        [*row.items(), *zip(extra["columns"], more, strict=True)]
        for row, more in zip(predictions, extra["data"], strict=True)
    ]
    return {name: [dict(row)[name] for row in rows] for name, _ in rows[0]}


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
words = st.text(string.ascii_letters + " ,\"'/\u00e9\u4e2d", max_size=8).map(
    lambda text: f"w{text}"
)


@one_front
@relaxed
@given(
    rows=st.lists(st.tuples(finite, words, st.integers(-5, 5)), min_size=1, max_size=8),
)
def test_score_and_predict_agree_on_numbers(
    serve: Serve, folders: Folders, tmp_path: Path, rows: list[tuple[float, str, int]]
) -> None:
    values, texts, counts = (list(column) for column in zip(*rows, strict=True))
    columns = {"out:Predictions": values, "out:text": texts, "out:count": counts}
    folder = folders.echo_of("regression")
    text = csv_text(columns)
    assert scored(folder, text, tmp_path) == answered(serve(folder), text)


@one_front
@relaxed
@given(shares=st.lists(st.integers(0, 1024), min_size=1, max_size=8))
def test_score_and_predict_agree_on_labels(
    serve: Serve, folders: Folders, tmp_path: Path, shares: list[int]
) -> None:
    columns = {
        "out:no": [1 - share / 1024 for share in shares],
        "out:yes": [share / 1024 for share in shares],
    }
    folder = folders.echo_of("binary")
    text = csv_text(columns)
    assert scored(folder, text, tmp_path) == answered(serve(folder), text)


@one_front
@relaxed
@given(rows=st.lists(st.tuples(finite, finite), min_size=1, max_size=8))
@pytest.mark.parametrize("name", ["regression", "anomaly", "binary", "multiclass"])
def test_score_and_predict_agree_on_artifacts(
    serve: Serve, folders: Folders, tmp_path: Path, rows: list[tuple[float, float]], name: str
) -> None:
    folder: Folder = getattr(folders, name)
    small = [(a % 1e6, b % 1e6) for a, b in rows]
    text = csv_text({"a": [a for a, _ in small], "b": [b for _, b in small]})
    assert scored(folder, text, tmp_path) == answered(serve(folder), text)


@one_front
@relaxed
@given(texts=st.lists(words, min_size=1, max_size=8))
def test_score_and_predict_agree_on_text(
    serve: Serve, folders: Folders, tmp_path: Path, texts: list[str]
) -> None:
    folder = folders.echo_of("textgeneration")
    client = serve(folder)
    text = csv_text({"out:answer": texts, "more": texts})
    assert scored(folder, text, tmp_path) == answered(client, text)

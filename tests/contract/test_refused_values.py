"""Values that a framework's own model does not take: 422 with column, row and value, whichever
way they come; and 500 where code of the user's may have made them.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.scoring.score_file import score_file
from datarobot_drum.drum.settings import ScoreSettings
from tests.contract.clients import Answer, Calls, file_part
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import Serve, in_process
from tests.contract.open_inference.requests import columns, infer
from tests.unit.folders import load

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
ROWS: dict[str, list[Any]] = {
    "size": [1.0, 2.5, -3.0, 0.5],
    "kind": ["a", "b", "c", "a"],
    "code": [1, 2, 3, 2],
}
FRAME = pd.DataFrame(ROWS)
TARGET = [0.0, 1.0, 2.0, 3.0]
# What is changed in row 2 -> what is told.
REFUSED = {
    "text": ({"size": "abc"}, "Column 'size' holds 'abc' in row 2. The model says: could not con"),
    "gap": ({"size": None}, "Values are missing in column 'size', the first in row 2. The model"),
    "category": ({"kind": "zz"}, "Column 'kind' holds 'zz' in row 2, which the model does not kno"),
    "number": ({"code": 7}, "Column 'code' holds 7 in row 2, which the model does not know. The"),
    "no category": ({"kind": None}, "Column 'kind' has no value in row 2, which the model does no"),
}


@pytest.fixture(scope="module")
def pipeline(folders: Folders) -> Folder:
    return folders.with_model("refusing", strict_pipeline()).of_type("regression")


def strict_pipeline(*before: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoded = make_column_transformer(
        (OneHotEncoder(), ["kind", "code"]), (StandardScaler(), ["size"])
    )
    return make_pipeline(*before, encoded, Ridge()).fit(FRAME, TARGET)


def changed(change: dict[str, Any]) -> dict[str, list[Any]]:
    rows = {name: [*values] for name, values in ROWS.items()}
    for name, value in change.items():
        rows[name][1] = value
    return rows


def as_csv(rows: dict[str, list[Any]]) -> str:
    return pd.DataFrame(rows, dtype=object).to_csv(index=False)


def as_records(rows: dict[str, list[Any]]) -> str:
    return json.dumps(
        [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]
    )


def as_arrow(rows: dict[str, list[Any]]) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    text = {name: any(isinstance(cell, str) for cell in cells) for name, cells in rows.items()}
    table = pyarrow.table(
        {
            name: [None if cell is None else str(cell) for cell in cells] if text[name] else cells
            for name, cells in rows.items()
        }
    )
    body = io.BytesIO()
    with pyarrow.ipc.new_stream(body, table.schema) as writer:
        writer.write_table(table)
    return body.getvalue()


def as_tensors(client: Calls, rows: dict[str, list[Any]]) -> Answer:
    types = {"size": "FP64", "code": "INT64"}
    tensors = []
    for name, cells in rows.items():
        text = any(isinstance(cell, str) for cell in cells)
        kind = "BYTES" if text else types[name]
        given = [cell if cell is None or not text else str(cell) for cell in cells]
        tensors += columns(kind, **{name: given})
    return infer(client, "refusing", *tensors)


ASK = {
    "csv": lambda client, rows: client.predict(as_csv(rows)),
    "form": lambda client, rows: client.upload("/predictions/", file_part("X", as_csv(rows), "x")),
    "json": lambda client, rows: client.post("/predict/", as_records(rows), JSON),
    "invocations": lambda client, rows: client.post("/invocations", as_records(rows), JSON),
    "arrow": lambda client, rows: client.post("/predict/", as_arrow(rows), ARROW),
    "tensors": as_tensors,
}


def told(answer: Answer) -> str:
    content = answer.json()
    return str(content.get("message") or content["error"])


@in_process
@pytest.mark.parametrize("way", ASK)
@pytest.mark.parametrize("change", REFUSED)
def test_a_value_that_the_model_does_not_take_is_told(
    serve: Serve, pipeline: Folder, way: str, change: str
) -> None:
    client = serve(pipeline)
    rows, expected = changed(REFUSED[change][0]), REFUSED[change][1]
    answer = ASK[way](client, rows)
    assert (answer.status, told(answer).removeprefix("ERROR: ")[: len(expected)]) == (422, expected)
    assert ASK[way](client, ROWS).status == 200


@pytest.mark.parametrize("change", REFUSED)
def test_score_names_the_file_too(pipeline: Folder, tmp_path: Path, change: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(as_csv(changed(REFUSED[change][0])))
    with pytest.raises(PayloadError) as error:
        score_file(load(pipeline.path, "regression"), ScoreSettings(str(file)))
    assert str(error.value).startswith(f"{file}: {REFUSED[change][1]}")


@pytest.mark.filterwarnings("ignore:invalid value encountered in log:RuntimeWarning")
@in_process
def test_a_gap_that_is_filled_is_not_blamed_for_what_a_step_makes_of_others(
    serve: Serve, folders: Folders
) -> None:
    import numpy as np
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    rows = pd.DataFrame({"a": [1.0, 2, 3], "b": [1.0, 2, 4], "c": [0.0, 1, 2]})
    steps = make_column_transformer(
        (FunctionTransformer(np.log), ["a"]), (SimpleImputer(), ["b"]), ("passthrough", ["c"])
    )
    model = make_pipeline(steps, Ridge()).fit(rows, [1, 2, 3])
    client = serve(folders.with_model("logarithm", model).of_type("regression"))
    alone = client.predict("a,b,c\n-1,2,1\n2,3,1\n")
    beside = client.predict("a,b,c\n-1,2,1\n2,,1\n")
    assert (alone.status, alone.json()) == (beside.status, beside.json())
    assert "contains NaN" in told(beside) and "Values are missing" not in told(beside)
    answer = client.predict("a,b,c\n1,2,\n2,,1\n")
    assert (answer.status, "'c'" in told(answer)) == (422, True)


CLEANER = """
from sklearn.base import BaseEstimator, TransformerMixin


class Cleaner(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


def load_model(code_dir):
    from tests.contract.test_refused_values import strict_pipeline

    return strict_pipeline(Cleaner())
"""
HOOKS = {
    "a step of the user's": CLEANER,
    "a transform hook": "def transform(data, model):\n    return data\n",
    "a score hook": "def score(data, model, **kwargs):\n    raise model.predict(data)\n",
}


@in_process
@pytest.mark.parametrize("hook", HOOKS)
def test_what_code_of_the_users_may_have_made_is_the_models_failure(
    serve: Serve, folders: Folders, pipeline: Folder, hook: str
) -> None:
    name = hook.replace(" ", "_").replace("'", "")
    artifact = (pipeline.path / "model.pkl").read_bytes()
    files: dict[str, str | bytes] = {"custom.py": HOOKS[hook]}
    if "load_model" not in HOOKS[hook]:
        files["model.pkl"] = artifact
    client = serve(folders.make(name, files).of_type("regression"))
    answer = client.predict(as_csv(changed({"size": "abc"})))
    assert answer.status == 500
    assert "could not convert string to float" in answer.message


@in_process
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_numbers_too_large_are_told_and_a_gap_that_is_imputed_is_not_blamed(
    serve: Serve, folders: Folders
) -> None:
    from sklearn.ensemble import RandomForestRegressor

    frame = FRAME[["size", "code"]]
    forest = RandomForestRegressor(3, random_state=0).fit(frame, TARGET)
    client = serve(folders.with_model("forest", forest).of_type("regression"))
    answer = client.predict("size,code\n,2\n1,1\n1e300,2\n")
    assert answer.status == 422
    assert "Column 'size' holds 1e+300 in row 3, which is too large" in answer.message
    assert client.predict("size,code\n,2\n").status == 200


@in_process
def test_a_transformer_that_refuses_rows_says_which(serve: Serve, folders: Folders) -> None:
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(sparse_output=False).fit(FRAME[["kind"]])
    client = serve(folders.with_model("encoder", encoder).of_type("transform"))
    answer = client.upload("/transform/", file_part("X", "kind\na\nzz\n", "x.csv"))
    assert answer.status == 422
    assert "Column 'kind' holds 'zz' in row 2, which the model does not know" in answer.message


@in_process
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (None, "Values are missing in column 'kind', the first in row 2"),
        (1.5, "Column 'kind' holds 1.5 in row 2, which is neither text nor a whole number"),
    ],
)
def test_a_gap_or_a_fraction_in_a_catboost_category_is_told(
    serve: Serve, folders: Folders, kind: Any, said: str
) -> None:
    catboost = pytest.importorskip("catboost")
    options = {"iterations": 2, "verbose": 0, "allow_writing_files": False}
    model = catboost.CatBoostRegressor(cat_features=["kind"], **options)
    model.fit(FRAME[["size", "kind"]].assign(kind=FRAME["code"]), TARGET)
    client = serve(folders.with_model("catboost", model).of_type("regression"))
    records = [{"size": 1.0, "kind": 2}, {"size": 2.0, "kind": kind}]
    answer = client.post("/predict/", json.dumps(records), JSON)
    assert (answer.status, said in answer.message) == (422, True)

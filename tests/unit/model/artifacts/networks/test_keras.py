"""Keras models: inputs by name, outputs that are one answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from datarobot_drum.drum.exceptions import ColumnsError, ModelError
from tests.unit.folders import load, predict

pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = pd.DataFrame({"age": [20.0, 30.5, 41.0], "income per head": [1.5, 2.5, -3.0]})


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(4)
    return keras


def two_inputs(keras: Any, structure: str, second: str = "income_per_head") -> Any:
    """2 * age - income, fed as two inputs: named the other way round than the alphabet has it."""
    layers = keras.layers
    income, age = keras.Input((1,), name=second), keras.Input((1,), name="age")
    doubled = layers.Rescaling(2.0)(age)
    inputs = [income, age] if structure == "list" else {second: income, "age": age}
    return keras.Model(inputs, layers.Subtract()([doubled, income]))


EXPECTED = 2 * ROWS["age"] - ROWS["income per head"]


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("structure", ["list", "dict"])
def test_two_named_inputs(tmp_path: Path, keras: Any, structure: str, name: str) -> None:
    two_inputs(keras, structure).save(tmp_path / name)
    predictor = load(tmp_path, "regression")
    assert set(predictor.info.feature_names or ()) == {"age", "income_per_head"}
    for rows in (ROWS, ROWS.iloc[:, ::-1], ROWS.assign(other="x").iloc[:, [2, 1, 0]]):
        np.testing.assert_allclose(predict(predictor, rows).values[:, 0], EXPECTED, rtol=1e-6)


def test_keys_that_are_not_the_inputs_own_names(tmp_path: Path, keras: Any) -> None:
    """The keys are what the model was fed by."""
    inputs = {"age": keras.Input((1,), name="z"), "size": keras.Input((1,), name="a")}
    keras.Model(inputs, keras.layers.Subtract()([inputs["age"], inputs["size"]])).save(
        tmp_path / "model.keras"
    )
    rows = pd.DataFrame({"size": [1.0, 2.0], "age": [5.0, 9.0]})
    assert predict(load(tmp_path, "regression"), rows).values[:, 0].tolist() == [4.0, 7.0]


def test_a_missing_input_is_named(tmp_path: Path, keras: Any) -> None:
    two_inputs(keras, "list").save(tmp_path / "model.keras")
    with pytest.raises(ColumnsError, match=r"'age' of the model is missing.*by 'agee'"):
        predict(load(tmp_path, "regression"), ROWS.rename(columns={"age": "agee"}))
    with pytest.raises(ColumnsError, match="column 'age' has values that are no numbers"):
        predict(load(tmp_path, "regression"), ROWS.assign(age=["old", "1", "2"]))


def test_inputs_that_nobody_named_go_by_position(tmp_path: Path, keras: Any) -> None:
    a, b = keras.Input((1,)), keras.Input((1,))
    keras.Model([a, b], keras.layers.Subtract()([a, b])).save(tmp_path / "model.keras")
    predictor = load(tmp_path, "regression")
    expected = ROWS["age"] - ROWS["income per head"]
    np.testing.assert_allclose(predict(predictor, ROWS).values[:, 0], expected)
    with pytest.raises(ColumnsError, match="takes 2 columns, but the rows have 3"):
        predict(predictor, ROWS.assign(other=1.0))


def test_several_matrices_cannot_be_told_apart(tmp_path: Path, keras: Any) -> None:
    a, b = keras.Input((2,), name="person"), keras.Input((3,), name="place")
    model = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Concatenate()([a, b])))
    model.save(tmp_path / "model.keras")
    expected = r"2 inputs, and \['person', 'place'\] take more than one column"
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, "regression"), ROWS)


def test_a_hook_may_feed_several_matrices(tmp_path: Path, keras: Any) -> None:
    a, b = keras.Input((2,), name="person"), keras.Input((1,), name="place")
    model = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Concatenate()([a, b])))
    model.save(tmp_path / "model.keras")
    (tmp_path / "custom.py").write_text(
        "import numpy as np\n"
        "def read_input_data(body):\n"
        "    values = np.array(body.split(), dtype='float32').reshape(-1, 3)\n"
        "    return [values[:, :2], values[:, 2:]]\n"
    )
    predictor = load(tmp_path, "regression")
    values = np.arange(6, dtype="float32").reshape(2, 3)
    got = predict(predictor, predictor.read_input(b"0 1 2 3 4 5")).values
    expected = model.predict([values[:, :2], values[:, 2:]], verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_matrix_knows_its_width(tmp_path: Path, keras: Any) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    predictor = load(tmp_path, "regression")
    for rows in (ROWS, ROWS.astype(object), ROWS.astype("Float64"), ROWS.astype(str)):
        np.testing.assert_array_equal(
            predict(predictor, rows).values, model.predict(ROWS.to_numpy(), verbose=0)
        )
    with pytest.raises(ColumnsError, match="takes 2 columns, but the rows have 1"):
        predict(predictor, ROWS[["age"]])
    with pytest.raises(ColumnsError, match="column 'age' has values that are no numbers"):
        predict(predictor, ROWS.assign(age="old"))


def test_whole_numbers_reach_an_embedding(tmp_path: Path, keras: Any) -> None:
    layers = keras.layers
    code = keras.Input((2,), dtype="int32")
    model = keras.Model(code, layers.Dense(1)(layers.Flatten()(layers.Embedding(9, 3)(code))))
    model.save(tmp_path / "model.keras")
    predictor = load(tmp_path, "regression")
    rows = pd.DataFrame({"a": [1, 8], "b": [0.0, 3.0]})
    np.testing.assert_allclose(
        predict(predictor, rows).values, model.predict(rows.to_numpy(dtype="int32"), verbose=0)
    )
    for values, text in (([1.5, 2], "not whole numbers"), ([None, 2], "missing values")):
        with pytest.raises(ColumnsError, match=f"column 'b' has .*{text}"):
            predict(predictor, rows.assign(b=values))


@pytest.mark.parametrize("structure", ["list", "dict"])
def test_several_outputs_are_no_answer(tmp_path: Path, keras: Any, structure: str) -> None:
    rows = keras.Input((2,))
    outputs = [keras.layers.Dense(1, name=name)(rows) for name in ("price", "size")]
    made = outputs if structure == "list" else dict(zip(("price", "size"), outputs, strict=True))
    keras.Model(rows, made).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match="The model has 2 outputs, and nothing says which"):
        predict(load(tmp_path, "regression"), ROWS)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_other_precisions(tmp_path: Path, keras: Any, policy: str) -> None:
    layer = keras.layers.Dense(1, dtype=policy)
    model = keras.Sequential([keras.Input((2,)), layer])
    model.save(tmp_path / "model.keras")
    got = predict(load(tmp_path, "regression"), ROWS).values
    assert got.dtype in (np.float16, np.float32, np.float64)
    expected = model.predict(ROWS.to_numpy(), verbose=0).astype(float)
    np.testing.assert_array_equal(got.astype(float), expected)


@pytest.mark.parametrize(("kind", "units"), [("binary", 1), ("multiclass", 3), ("multilabel", 3)])
def test_logits_are_refused_and_called_so(
    tmp_path: Path, keras: Any, kind: str, units: int
) -> None:
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)]).save(tmp_path / "model.keras")
    labels = {} if kind == "binary" else {"class_labels": ("a", "b", "c")}
    with pytest.raises(ModelError, match=r"probabilities have .*seems to return logits"):
        predict(load(tmp_path, kind, **labels), ROWS * 10)


def test_a_pipeline_that_ends_in_one(tmp_path: Path, keras: Any) -> None:
    """Columns go by the name that its first step was fitted on."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    scaler = StandardScaler().fit(ROWS)
    (tmp_path / "custom.py").write_text(
        "import joblib, keras, os\n"
        "from sklearn.pipeline import Pipeline\n"
        "def load_model(code_dir):\n"
        "    model = keras.models.load_model(os.path.join(code_dir, 'net.keras'))\n"
        "    scaler = joblib.load(os.path.join(code_dir, 'scaler.joblib'))\n"
        "    return Pipeline([('scale', scaler), ('net', model)])\n"
    )
    import joblib

    model.save(tmp_path / "net.keras")
    joblib.dump(scaler, tmp_path / "scaler.joblib")
    predictor = load(tmp_path, "regression")
    assert predictor.info.framework == "keras"
    expected = model.predict(scaler.transform(ROWS), verbose=0)
    np.testing.assert_array_equal(predict(predictor, ROWS.iloc[:, ::-1]).values, expected)
    with pytest.raises(ColumnsError, match="'age' of the model is missing"):
        predict(predictor, ROWS.rename(columns={"age": "agee"}))


def test_a_model_that_finds_its_inputs_at_its_first_call(tmp_path: Path, keras: Any) -> None:
    (tmp_path / "custom.py").write_text(
        "import keras\n"
        "class Halves(keras.Model):\n"
        "    def call(self, rows):\n"
        "        return rows[:, :1] / 2\n"
        "def load_model(code_dir):\n"
        "    return Halves()\n"
    )
    got = predict(load(tmp_path, "regression"), ROWS).values
    np.testing.assert_allclose(got[:, 0], ROWS["age"] / 2)


def test_a_label_is_never_taken_for_a_probability(tmp_path: Path, keras: Any) -> None:
    rows = keras.Input((2,))
    chosen = keras.ops.argmax(keras.layers.Dense(2)(rows), axis=1)
    keras.Model(rows, chosen).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match="int.*: labels, and no probabilities"):
        predict(load(tmp_path, "binary"), ROWS)

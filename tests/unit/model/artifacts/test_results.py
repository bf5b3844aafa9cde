"""What estimators return, and what a client is answered from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError
from datarobot_drum.drum.model.artifacts.results import as_array
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.predictor import RowSource
from tests.unit.folders import load, predict, records, write_folder

X, Y = make_multilabel_classification(60, n_features=4, n_classes=3, random_state=5)
FRAME = pd.DataFrame(X.astype(float), columns=list("abcd"))
THREE = ("red", "green", "blue")


def multilabel(folder: Path, model: Any, labels: tuple[str, ...] = THREE) -> Any:
    return load(write_folder(folder, model_pkl=model), "multilabel", class_labels=labels)


# --- one array for each output -----------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        MultiOutputClassifier(LogisticRegression()),
        RandomForestClassifier(5, random_state=1),
        DecisionTreeClassifier(max_depth=3, random_state=1),
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression())),
        DummyClassifier(strategy="prior"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_positive_class_of_each_output_is_taken(tmp_path: Path, model: Any) -> None:
    model.fit(FRAME, Y)
    outputs = model.predict_proba(FRAME)
    assert isinstance(outputs, list)
    result = predict(multilabel(tmp_path, model), FRAME)
    assert result.columns == THREE
    for number, output in enumerate(outputs):
        np.testing.assert_array_equal(result.values[:, number], output[:, 1])


@pytest.mark.parametrize("model", [RandomForestClassifier(3), KNeighborsClassifier()])
def test_rows_in_company_get_the_answers_they_get_alone(tmp_path: Path, model: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), model).fit(FRAME, Y)
    predictor = multilabel(tmp_path, pipeline)
    together = predictor.predict(FRAME, RowSource(row_counts=(20, 40)))
    for part in (slice(0, 20), slice(20, 60)):
        alone = predict(predictor, FRAME[part])
        np.testing.assert_array_equal(together.values[part], alone.values)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [((0, 1), (0.0, 1.0)), ((False, True), (0.0, 1.0)), (("no", "yes"), (0.0, 1.0))],
)
def test_an_output_that_has_seen_one_class_only(
    tmp_path: Path, labels: tuple[Any, Any], expected: tuple[float, float]
) -> None:
    words = np.array(labels, dtype=object if isinstance(labels[0], str) else None)
    target = words[np.column_stack((Y[:, 0], np.zeros(60, int), np.ones(60, int)))]
    model = DecisionTreeClassifier(max_depth=2).fit(FRAME, target)
    values = predict(multilabel(tmp_path, model), FRAME).values
    np.testing.assert_array_equal(values[:, 0], model.predict_proba(FRAME)[0][:, 1])
    assert {*values[:, 1]} == {expected[0]}
    assert {*values[:, 2]} == {expected[1]}


def test_an_output_of_three_classes_is_named(tmp_path: Path) -> None:
    target = np.column_stack((Y[:, 0], np.arange(60) % 3))
    model = RandomForestClassifier(3).fit(FRAME, target)
    expected = "Output 1 of the model has probabilities for 3 classes, but an output of a multilab"
    with pytest.raises(ModelError, match=expected):
        predict(multilabel(tmp_path, model, ("a", "b")), FRAME)


def test_a_single_output_in_a_list_is_the_ordinary_array(tmp_path: Path) -> None:
    model = MultiOutputClassifier(LogisticRegression()).fit(FRAME, Y[:, :1])
    folder = write_folder(tmp_path, model_pkl=model)
    values = predict(load(folder, "binary"), FRAME).values
    np.testing.assert_array_equal(values, model.predict_proba(FRAME)[0])


def test_models_with_a_column_for_each_label_stay_as_they_are(tmp_path: Path) -> None:
    model = ClassifierChain(LogisticRegression()).fit(FRAME, Y)
    values = predict(multilabel(tmp_path, model), FRAME).values
    np.testing.assert_array_equal(values, model.predict_proba(FRAME))


# --- other shapes of a result ------------------------------------------------------------


class Returns:
    """Predicts what it is told to, whatever the rows are."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def predict(self, rows: Any) -> Any:
        return self.result


@pytest.mark.parametrize(
    "result",
    [
        pd.Series([1.0, 2.0, 3.0], index=[7, 8, 9]),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1.0, 2.0, 3.0], dtype="double[pyarrow]"),
        pd.DataFrame({"anything": [1.0, 2.0, 3.0]}),
        pd.DataFrame({0: [1.0, 2.0, 3.0]}),
        pd.DataFrame({"anything": [1, 2, 3]}, dtype="int64[pyarrow]"),
        pd.array([1.0, 2.0, 3.0], dtype="Float64"),
        [1.0, 2.0, 3.0],
        [[1.0], [2.0], [3.0]],
        (1, 2, 3),
        [np.float32(1), np.float32(2), np.float32(3)],
        [np.array([1.0]), np.array([2.0]), np.array([3.0])],
        sparse.csr_matrix([[1.0], [2.0], [3.0]]),
        sparse.csc_array([[1.0], [2.0], [3.0]]),
    ],
    ids=lambda result: f"{type(result).__module__}.{type(result).__name__}",
)
def test_numbers_are_taken_from_whatever_holds_them(tmp_path: Path, result: Any) -> None:
    write_folder(tmp_path, model_pkl=Returns(result))
    answered = predict(load(tmp_path, "regression"))
    assert answered.columns == ("Predictions",)
    assert answered.values.dtype.kind in "fi"
    assert answered.values[:, 0].tolist() == [1, 2, 3]


def test_a_matrix_of_numpy_is_taken() -> None:
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1.0], [2.0]])
    values = OutputRules(TargetType.REGRESSION).from_array(matrix).values
    assert type(values) is np.ndarray
    assert values.tolist() == [[1.0], [2.0]]


def test_tensors_are_taken() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([1.0, 2.0], requires_grad=True)
    values = OutputRules(TargetType.REGRESSION).from_array(tensor).values
    assert values[:, 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "result",
    [
        [1.0, None, 3.0],
        pd.Series([1.0, None, 3.0], dtype="Float64"),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.DataFrame({"a": pd.array([1, None, 3], dtype="int8[pyarrow]")}),
    ],
)
def test_a_missing_prediction_is_no_number(tmp_path: Path, result: Any) -> None:
    write_folder(tmp_path, model_pkl=Returns(result))
    values = predict(load(tmp_path, "regression")).values
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values[:, 0], [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    "result", [None, "text", {"a": 1}, 5, np.float64(5), [1, "a", None], [[1], [1, 2], []]]
)
def test_what_is_no_array_is_named(tmp_path: Path, result: Any) -> None:
    write_folder(tmp_path, model_pkl=Returns(result))
    with pytest.raises(ModelError, match="^predictions must return a np array, but received <cl"):
        predict(load(tmp_path, "regression"))


class Sparse:
    """As multilabel libraries do it: a sparse matrix for the probabilities."""

    def predict_proba(self, rows: Any) -> Any:
        return sparse.lil_matrix(np.array([[0.0, 0.5, 1.0]] * len(rows)))

    predict = predict_proba


def test_sparse_probabilities(tmp_path: Path) -> None:
    values = predict(multilabel(tmp_path, Sparse())).values
    np.testing.assert_array_equal(values, [[0.0, 0.5, 1.0]] * 3)


class Named:
    """Probabilities in a frame, in another order than ``classes_``."""

    def __init__(self, columns: list[Any], classes: list[Any] | None) -> None:
        self.columns = columns
        if classes is not None:
            self.classes_ = np.array(classes)

    def predict_proba(self, rows: Any) -> Any:
        return pd.DataFrame([[0.7, 0.2, 0.1]] * len(rows), columns=self.columns)

    predict = predict_proba


BY_NAME = {"Low": 0.1, "Mid": 0.7, "High": 0.2}


@pytest.mark.parametrize("classes", [None, ["low", "mid", "high"]])
def test_a_frame_of_probabilities_goes_by_its_names(tmp_path: Path, classes: Any) -> None:
    write_folder(tmp_path, model_pkl=Named(["mid", "high", "low"], classes))
    predictor = load(tmp_path, "multiclass", class_labels=("Low", "Mid", "High"))
    assert records(predict(predictor))[0] == BY_NAME


@pytest.mark.parametrize("columns", [[0, 1, 2], ["p_mid", "p_high", "p_low"]])
def test_a_frame_with_other_names_goes_by_the_models_classes(
    tmp_path: Path, columns: list[Any]
) -> None:
    write_folder(tmp_path, model_pkl=Named(columns, ["mid", "high", "low"]))
    predictor = load(tmp_path, "multiclass", class_labels=("Low", "Mid", "High"))
    assert records(predict(predictor))[0] == BY_NAME


def test_a_frame_whose_names_nobody_knows_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=Named(["p_mid", "p_high", "p_low"], None))
    predictor = load(tmp_path, "multiclass", class_labels=("Low", "Mid", "High"))
    with pytest.raises(ModelError, match="Expected predictions to have columns"):
        predict(predictor)


def test_nullable_probabilities_of_a_score_hook(tmp_path: Path) -> None:
    custom = """
        def score(data, model, **kwargs):
            frame = pd.DataFrame({"yes": [0.25] * len(data), "no": [0.75] * len(data)})
            return frame.astype("Float64")
    """
    values = predict(load(write_folder(tmp_path, custom), "binary"))
    assert values.values.dtype == np.float64
    assert records(values)[0] == {"yes": 0.25, "no": 0.75}


def test_an_array_is_handed_on_untouched() -> None:
    array = np.zeros((2, 2))
    assert as_array(array) is array
    assert OutputRules(TargetType.REGRESSION).from_array(array[:, :1]).values.base is array


@pytest.mark.parametrize("model", [LinearSVC(dual="auto"), SVC()])
def test_a_model_without_probabilities_says_what_it_lacks(tmp_path: Path, model: Any) -> None:
    model.fit(FRAME, np.arange(60) % 2)
    write_folder(tmp_path, model_pkl=model)
    expected = r"Failure when making predictions\. Exception: AttributeError.*predict_proba"
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, "binary"), FRAME)


class Framed:
    """Probabilities as a frame, in an order of its own."""

    def __init__(self, frame: pd.DataFrame, classes: list[Any] | None) -> None:
        self.frame = frame
        if classes is not None:
            self.classes_ = classes

    def predict(self, rows: Any) -> Any:
        return self.frame

    predict_proba = predict


@pytest.mark.parametrize("classes", [None, [0, 1]])
def test_names_that_are_numbers_are_names(tmp_path: Path, classes: list[Any] | None) -> None:
    model = Framed(pd.DataFrame({1: [0.2, 0.7], 0: [0.8, 0.3]}), classes)
    labels = {"positive_class_label": "1", "negative_class_label": "0"}
    predictor = load(write_folder(tmp_path, model_pkl=model), "binary", **labels)
    result = predict(predictor, FRAME.head(2))
    assert dict(zip(result.columns, result.values[0], strict=True)) == {"1": 0.2, "0": 0.8}


def test_one_class_by_name_is_not_taken_for_the_other(tmp_path: Path) -> None:
    model = Framed(pd.DataFrame({"no": [0.2, 0.7]}), ["no", "yes"])
    predictor = load(write_folder(tmp_path, model_pkl=model), "binary")
    with pytest.raises(ModelError, match="Expected predictions to have columns"):
        predict(predictor, FRAME.head(2))

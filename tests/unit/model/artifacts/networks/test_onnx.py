"""ONNX models as converters write them: classes by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from datarobot_drum.drum.exceptions import ColumnsError, ModelError, ModelLoadError
from datarobot_drum.drum.model.artifacts.networks.onnx_graph import class_names
from tests.unit.folders import load, predict, records, write_folder
from tests.unit.model.artifacts.networks.onnx_models import (
    LEVELS,
    PAIR,
    ROWS,
    X,
    assert_same,
    graph,
    onnx,
    save,
)

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("labels", [("Low", "Mid", "High"), ("mid", "high", "low")])
def test_classes_go_by_the_names_that_the_model_holds(
    tmp_path: Path, zipmap: Any, labels: tuple[str, ...]
) -> None:
    model = LogisticRegression().fit(X, LEVELS)
    save(tmp_path, model, zipmap=zipmap)
    result = predict(load(tmp_path, "multiclass", class_labels=labels), ROWS)
    spelled = {label.lower(): label for label in labels}
    assert result.columns == tuple(spelled[name] for name in model.classes_)
    assert_same(result, result.columns, model.predict_proba(X))


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
def test_the_positive_class_is_found_by_name(tmp_path: Path, zipmap: Any) -> None:
    """`bad` is the positive class, and the model's first."""
    model = LogisticRegression().fit(X, PAIR)
    save(tmp_path, model, zipmap=zipmap)
    labels = {"positive_class_label": "bad", "negative_class_label": "good"}
    result = predict(load(tmp_path, "binary", **labels), ROWS)
    assert_same(result, ("bad", "good"), model.predict_proba(X))


CLASSIFIERS = {
    "trees": RandomForestClassifier(n_estimators=4, random_state=0),
    "bag of trees": BaggingClassifier(n_estimators=3, random_state=0),
    "bayes": GaussianNB(),
    "network": MLPClassifier((4,), max_iter=2000, random_state=0),
    "neighbours": KNeighborsClassifier(3),
    "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
    "vote": VotingClassifier(
        [("a", LogisticRegression()), ("b", GaussianNB())], voting="soft", flatten_transform=False
    ),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
}


@pytest.mark.parametrize("target", ["text", "numbers", "two"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_plain_tensors_of_every_kind_of_graph(tmp_path: Path, kind: str, target: str) -> None:
    """How a graph knows its classes differs from one converter and model to the next."""
    codes = np.unique(LEVELS, return_inverse=True)[1] * 10 - 10
    y = {"text": LEVELS, "numbers": codes, "two": PAIR}[target]
    model = CLASSIFIERS[kind].fit(X, y)
    save(tmp_path, model, zipmap=False)
    names = tuple(map(str, model.classes_))
    result = predict(load(tmp_path, "multiclass", class_labels=names[::-1]), ROWS)
    assert result.columns == names
    assert_same(result, names, model.predict_proba(X))


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
def test_labels_that_the_model_does_not_know_are_an_error(tmp_path: Path, zipmap: Any) -> None:
    save(tmp_path, LogisticRegression().fit(X, LEVELS), zipmap=zipmap)
    predictor = load(tmp_path, "multiclass", class_labels=("Low", "Mid", "Top"))
    expected = r"Expected predictions to have columns \['Low', 'Mid', 'Top'\], but encountered"
    with pytest.raises(ModelError, match=expected):
        predict(predictor, ROWS)


@pytest.mark.parametrize(
    ("positive", "negative"), [("1", "0"), ("yes", "no"), ("no", "yes"), ("ill", "well")]
)
def test_numbered_classes_follow_the_rules_of_scikit_learn(
    tmp_path: Path, positive: str, negative: str
) -> None:
    """The judge is the same model, served as scikit-learn's."""
    model = LogisticRegression().fit(ROWS, (PAIR == "good").astype(int))
    save(tmp_path / "onnx", model, zipmap=False)
    write_folder(tmp_path / "pickle", model_pkl=model)
    labels = {"positive_class_label": positive, "negative_class_label": negative}
    answers = []
    for form in ("onnx", "pickle"):
        predictor = load(tmp_path / form, "binary", **labels)
        try:
            answers.append(pd.DataFrame(records(predict(predictor, ROWS))))
        except ModelError as error:
            answers.append(str(error))
    if positive == "ill":
        assert answers[0] == answers[1]
    else:
        pd.testing.assert_frame_equal(*answers, check_dtype=False, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("known", [True, False])
def test_no_rows_are_refused(tmp_path: Path, known: bool) -> None:
    save(tmp_path, LogisticRegression().fit(X, LEVELS), zipmap=True)
    if not known:
        write_folder(tmp_path, HOOK)
    predictor = load(tmp_path, "multiclass", class_labels=("low", "mid", "high"))
    with pytest.raises(ColumnsError, match="There are no rows to predict"):
        predict(predictor, ROWS[:0])


# A session that knows neither its file nor its bytes, as of an onnxruntime to come.
HOOK = """
    import onnxruntime, os

    def load_model(code_dir):
        session = onnxruntime.InferenceSession(os.path.join(code_dir, "model.onnx"))
        session._model_path = None
        return session
"""


@pytest.mark.parametrize("zipmap", [True, "columns"])
def test_names_in_the_answer_need_no_file(tmp_path: Path, zipmap: Any) -> None:
    model = LogisticRegression().fit(X, LEVELS)
    write_folder(save(tmp_path, model, zipmap=zipmap), HOOK)
    result = predict(load(tmp_path, "multiclass", class_labels=("low", "mid", "high")), ROWS)
    assert_same(result, model.classes_, model.predict_proba(X))


def test_a_file_is_read_for_its_names_whatever_the_session_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LogisticRegression().fit(X, LEVELS)
    save(tmp_path, model, zipmap=False)
    monkeypatch.setattr(onnxruntime.InferenceSession, "_model_path", None, raising=False)
    result = predict(load(tmp_path, "multiclass", class_labels=("low", "mid", "high")), ROWS)
    assert_same(result, model.classes_, model.predict_proba(X))


@pytest.mark.parametrize("source", ["path", "path.read_bytes()"])
def test_a_session_that_a_hook_has_made_has_names_too(tmp_path: Path, source: str) -> None:
    model = LogisticRegression().fit(X, LEVELS)
    hook = f"""
        import onnxruntime, pathlib
        def load_model(code_dir):
            path = pathlib.Path(code_dir, "model.onnx")
            return onnxruntime.InferenceSession({source}, providers=["CPUExecutionProvider"])
    """
    write_folder(save(tmp_path, model, zipmap=False), hook)
    result = predict(load(tmp_path, "multiclass", class_labels=("low", "mid", "high")), ROWS)
    assert_same(result, model.classes_, model.predict_proba(X))


def test_the_order_of_a_map_is_not_the_order_of_the_classes(tmp_path: Path) -> None:
    """The runtime sorts a map by its keys; the classifier does not sort its classes."""
    nodes = [
        onnx.helper.make_node("Softmax", ["X"], ["p"]),
        onnx.helper.make_node(
            "ZipMap", ["p"], ["probs"], domain="ai.onnx.ml", classlabels_strings=["z", "b", "k"]
        ),
    ]
    outputs = [("probs", "FLOAT", None)]
    graph(tmp_path, nodes, [("X", "FLOAT", [None, 3])], outputs)
    proto = onnx.load(tmp_path / "model.onnx")
    kind = proto.graph.output[0].type
    kind.Clear()
    kind.sequence_type.elem_type.map_type.key_type = onnx.TensorProto.STRING
    value = kind.sequence_type.elem_type.map_type.value_type.tensor_type
    value.elem_type = onnx.TensorProto.FLOAT
    onnx.save(proto, tmp_path / "model.onnx")
    result = predict(load(tmp_path, "multiclass", class_labels=("b", "k", "z")), ROWS)
    powers = np.exp(X)
    assert_same(result, ("z", "b", "k"), powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("constant", ["initializer", "node"])
def test_a_network_that_looks_its_classes_up(tmp_path: Path, constant: str) -> None:
    """One column, and two classes by name: it is the second one's."""
    make = onnx.helper.make_node
    classes = np.array([b"no", b"yes"], dtype=object)
    nodes = [
        make("ReduceMean", ["X", "axes"], ["mean"]),
        make("Sigmoid", ["mean"], ["probability"]),
        make("Round", ["probability"], ["rounded"]),
        make("Cast", ["rounded"], ["place"], to=onnx.TensorProto.INT64),
        make("Gather", ["classes", "place"], ["label"]),
    ]
    constants: dict[str, Any] = {"axes": np.array([1]), "classes": classes}
    if constant == "node":
        tensor = onnx.helper.make_tensor("c", onnx.TensorProto.STRING, [2], [b"no", b"yes"])
        nodes.insert(0, make("Constant", [], ["classes"], value=tensor))
        del constants["classes"]
    outputs = [("label", "STRING", [None, 1]), ("probability", "FLOAT", [None, 1])]
    graph(tmp_path, nodes, [("X", "FLOAT", [None, 3])], outputs, constants)
    expected = 1 / (1 + np.exp(-X.mean(axis=1, keepdims=True)))
    for kind, labels in (
        ("binary", {"positive_class_label": "no", "negative_class_label": "yes"}),
        ("multiclass", {"class_labels": ("yes", "no")}),
    ):
        result = predict(load(tmp_path, kind, **labels), ROWS)
        assert_same(result, ("yes",), expected)
        assert_same(result, ("no",), 1 - expected)


def test_a_graph_without_classes_goes_by_position(tmp_path: Path) -> None:
    softmax = [onnx.helper.make_node("Softmax", ["X"], ["y"])]
    graph(tmp_path, softmax, [("X", "FLOAT", [None, 3])], [("y", "FLOAT", [None, 3])])
    result = predict(load(tmp_path, "multiclass", class_labels=("c", "a", "b")), ROWS)
    assert result.columns == ("c", "a", "b")
    powers = np.exp(X)
    assert_same(result, ("c", "a", "b"), powers / powers.sum(axis=1, keepdims=True))


def test_a_label_is_never_taken_for_a_probability(tmp_path: Path) -> None:
    """Whatever the outputs are called: a label of 0 or 1 would look like a certain answer."""
    model = LogisticRegression().fit(X, (PAIR == "good").astype(int))
    save(tmp_path, model, zipmap=False)
    text = (tmp_path / "model.onnx").read_bytes()
    proto = onnx.load_from_string(text)
    for node in proto.graph.node:
        node.output[:] = ["scores" if o == "probabilities" else o for o in node.output]
    proto.graph.output[1].name = "scores"
    onnx.save(proto, tmp_path / "model.onnx")
    result = predict(load(tmp_path, "binary"), ROWS)
    assert_same(result, ("no", "yes"), model.predict_proba(X))


@pytest.mark.parametrize("target", ["binary", "multiclass"])
def test_a_graph_that_gives_a_label_alone_is_refused(tmp_path: Path, target: str) -> None:
    model = LogisticRegression().fit(X, (PAIR == "good").astype(int))
    save(tmp_path, model, zipmap=False)
    proto = onnx.load_from_string((tmp_path / "model.onnx").read_bytes())
    del proto.graph.output[1:]
    onnx.save(proto, tmp_path / "model.onnx")
    labels = {"class_labels": ("0", "1")} if target == "multiclass" else {}
    with pytest.raises(ModelLoadError, match=r"tensor\(int64\): labels, and no probabilities"):
        load(tmp_path, target, **labels)
    assert predict(load(tmp_path, "regression"), ROWS).values.ravel().tolist() == [
        *model.predict(X)
    ]


def test_several_labels_are_their_probabilities(tmp_path: Path) -> None:
    y = np.column_stack((X[:, 0] > 0, X[:, 1] > 0)).astype(int)
    model = MultiOutputClassifier(LogisticRegression()).fit(X, y)
    save(tmp_path, model, zipmap=False)
    result = predict(load(tmp_path, "multilabel", class_labels=("warm", "loud")), ROWS)
    expected = np.column_stack([each[:, 1] for each in model.predict_proba(X)])
    assert_same(result, ("warm", "loud"), expected)


def test_catboost_and_its_own_export(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostClassifier(iterations=5, verbose=False, allow_writing_files=False)
    model.fit(X, LEVELS)
    model.save_model(str(tmp_path / "model.onnx"), format="onnx")
    result = predict(load(tmp_path, "multiclass", class_labels=("Low", "Mid", "High")), ROWS)
    assert_same(result, ("High", "Low", "Mid"), model.predict_proba(X))


@pytest.mark.parametrize(
    "broken", [b"", b"\xff", b"\x3a\xff\x01\x00", b"not a model", b"\x3a\x04\x0a"]
)
def test_whatever_is_no_graph_has_no_classes(broken: bytes) -> None:
    assert class_names(broken, ["label"]) is None


@pytest.mark.filterwarnings("ignore:Attribute .prob:FutureWarning")
def test_support_vectors_with_probabilities_are_by_name_too(tmp_path: Path) -> None:
    model = CalibratedClassifierCV(SVC(), ensemble=False, cv=2).fit(X, PAIR)
    save(tmp_path, model, zipmap=False)
    result = predict(load(tmp_path, "multiclass", class_labels=("good", "bad")), ROWS)
    assert_same(result, model.classes_, model.predict_proba(X))


def test_several_targets_say_what_they_are(tmp_path: Path) -> None:
    save(tmp_path, LinearRegression().fit(X, X[:, :2]))
    expected = r"must contain only 1 column\. Your predictions have 2 columns: the model predicts 2"
    with pytest.raises(ModelError, match=expected):
        predict(load(tmp_path, "regression"), ROWS)


def test_a_stack_goes_by_the_names_that_its_label_has(tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import StackingClassifier

    rows = np.random.default_rng(4).normal(0, 1, (90, 3)).astype(np.float32)
    levels = np.where(rows[:, 0] > 0.4, "low", np.where(rows[:, 0] < -0.4, "high", "mid"))
    members = [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]
    model = StackingClassifier(members, cv=2).fit(rows, levels)
    options = {id(model): {"zipmap": False}}
    types = [("X", FloatTensorType([None, 3]))]
    converted = to_onnx(model, initial_types=types, options=options).SerializeToString()
    labels = ("low", "mid", "high")
    predictor = load(
        write_folder(tmp_path, model_onnx=converted), "multiclass", class_labels=labels
    )
    result = predict(predictor, pd.DataFrame(rows, columns=list("abc")))
    assert result.columns == tuple(model.classes_)
    np.testing.assert_allclose(result.values, model.predict_proba(rows), atol=1e-4)

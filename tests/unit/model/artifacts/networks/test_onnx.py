"""ONNX models as converters write them: inputs by type and name, classes by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from datarobot_drum.drum.exceptions import ColumnsError, ModelError, ModelLoadError
from datarobot_drum.drum.model.artifacts.networks.onnx_graph import class_names
from datarobot_drum.drum.prediction.payload.structured import read_data
from tests.unit.folders import load, predict, records, write_folder

onnx = pytest.importorskip("onnx")
skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")
data_types = pytest.importorskip("skl2onnx.common.data_types")

RNG = np.random.default_rng(7)
X = RNG.normal(size=(120, 3)).astype(np.float32)
ROWS = pd.DataFrame(X, columns=["x1", "x2", "x3"])
LEVELS = np.array(["high", "low", "mid"])[np.digitize(X[:, 0], [-0.4, 0.4])]
PAIR = np.array(["bad", "good"])[(X[:, 0] > 0).astype(int)]


def save(folder: Path, model: Any, inputs: Any = None, **options: Any) -> Path:
    """Convert, as its users do."""
    inputs = inputs or [("X", data_types.FloatTensorType([None, 3]))]
    chosen = {id(model): options} if options else None
    proto = skl2onnx.convert_sklearn(model, initial_types=inputs, options=chosen, target_opset=18)
    return write_folder(folder, model_onnx=proto.SerializeToString())


def graph(folder: Path, nodes: list[Any], inputs: Any, outputs: Any, constants: Any = ()) -> Path:
    """A model made by hand: ``inputs`` and ``outputs`` are (name, type, shape)."""
    helper = onnx.helper
    values = [
        helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), shape)
        for name, kind, shape in (*inputs, *outputs)
    ]
    made = helper.make_graph(
        nodes,
        "made",
        values[: len(inputs)],
        values[len(inputs) :],
        [onnx.numpy_helper.from_array(array, name) for name, array in dict(constants).items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    proto = helper.make_model(made, opset_imports=opsets, ir_version=8)
    return write_folder(folder, model_onnx=proto.SerializeToString())


def assert_same(got: Any, columns: Any, expected: Any) -> None:
    """Compare by name, as clients read."""
    frame = pd.DataFrame(got.values, columns=list(got.columns))
    np.testing.assert_allclose(frame[list(columns)].to_numpy(), expected, rtol=1e-3, atol=1e-4)


# --- classes by name ---------------------------------------------------------------------


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


# --- inputs by name and type -------------------------------------------------------------


TABLE = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, 120),
        "code": RNG.choice(["07", "12", "A1"], 120),
        "income per head": RNG.normal(size=120),
        "member": RNG.integers(0, 2, 120).astype(bool),
    }
)
TARGET = TABLE["age"] + TABLE["code"].map({"07": 5.0, "12": 90.0, "A1": 30.0}) * TABLE["member"]


def one_input_each(folder: Path, rank: int = 2, income: str = "Float") -> Any:
    """A pipeline over a table of mixed types, one ONNX input for each column."""
    encoder = OneHotEncoder(handle_unknown="ignore")
    pipeline = make_pipeline(
        ColumnTransformer(
            [("text", encoder, ["code"]), ("rest", "passthrough", [0, 2])],
        ),
        LinearRegression(),
    ).fit(TABLE[["age", "code", "income per head"]], TARGET)
    shape = [None, 1][:rank]
    inputs = [
        ("age", data_types.Int64TensorType(shape)),
        ("code", data_types.StringTensorType(shape)),
        ("income_per_head", getattr(data_types, f"{income}TensorType")(shape)),
    ]
    save(folder, pipeline, inputs)
    return pipeline.predict(TABLE[["age", "code", "income per head"]])


def ask(predictor: Any, frame: pd.DataFrame, kind: str) -> Any:
    if kind == "csv":
        body, content = frame.to_csv(index=False).encode(), "text/csv"
    else:
        body, content = frame.to_json(orient="records").encode(), "application/json"
    rows, source = read_data(body, content, None, predictor)
    return predictor.predict(rows, source).values[:, 0]


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [3, 2, 1, 0]])
def test_one_input_for_each_column(tmp_path: Path, kind: str, order: list[int]) -> None:
    """By name: in any order, with blanks or underscores, beside columns that it does not know."""
    expected = one_input_each(tmp_path)
    got = ask(load(tmp_path, "regression"), TABLE.iloc[:, order], kind)
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_text_columns_are_told_to_the_readers(tmp_path: Path) -> None:
    one_input_each(tmp_path)
    info = load(tmp_path, "regression").info
    assert info.text_columns == {"code"}
    assert info.feature_names == ("age", "code", "income_per_head")


def test_double_inputs_keep_their_digits(tmp_path: Path) -> None:
    rows = TABLE[["age", "income per head"]].astype(float).set_axis(["a", "b"], axis=1) + 1e9
    same = ColumnTransformer([("same", "passthrough", [0, 1])])
    model = make_pipeline(same, LinearRegression()).fit(rows, rows["a"] - rows["b"])
    each = [(name, data_types.DoubleTensorType([None, 1])) for name in "ab"]
    save(tmp_path / "each", model, each)
    save(tmp_path / "whole", model, [("X", data_types.DoubleTensorType([None, 2]))])
    for form in ("each", "whole"):
        got = predict(load(tmp_path / form, "regression"), rows).values[:, 0]
        np.testing.assert_allclose(got, model.predict(rows), atol=1e-4)


def test_an_integer_matrix(tmp_path: Path) -> None:
    rows = pd.DataFrame(RNG.integers(-5, 2**40, (20, 2)), columns=["a", "b"])
    nodes = [onnx.helper.make_node("ReduceSum", ["X", "axes"], ["y"])]
    inputs, outputs = [("X", "INT64", [None, 2])], [("y", "INT64", [None, 1])]
    graph(tmp_path, nodes, inputs, outputs, {"axes": np.array([1])})
    predictor = load(tmp_path, "regression")
    assert predict(predictor, rows).values[:, 0].tolist() == rows.sum(axis=1).tolist()
    with pytest.raises(ColumnsError, match="column 'b' has missing values"):
        predict(predictor, rows.astype(float).assign(b=np.nan))


@pytest.mark.parametrize("form", ["one dimension", "two dimensions"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_column_of_text(tmp_path: Path, form: str, kind: str) -> None:
    words = pd.DataFrame({"text": ["good film", "bad film", "not bad", "so good"] * 5})
    model = make_pipeline(CountVectorizer(lowercase=False), LinearRegression())
    model.fit(words["text"], [4.0, 1.0, 3.0, 5.0] * 5)
    shape = [None] if form == "one dimension" else [None, 1]
    save(tmp_path, model, [("review", data_types.StringTensorType(shape))])
    got = ask(load(tmp_path, "regression"), words, kind)
    np.testing.assert_allclose(got, model.predict(words["text"]), rtol=1e-4)


BOOLEAN = ([("flag", "BOOL", [None, 1]), ("n", "FLOAT", [None, 1])], [("y", "FLOAT", [None, 1])])


@pytest.mark.parametrize("values", [[True, False], [1, 0], [1.0, 0.0]])
def test_a_boolean_input(tmp_path: Path, values: list[Any]) -> None:
    nodes = [
        onnx.helper.make_node("Cast", ["flag"], ["f"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Add", ["f", "n"], ["y"]),
    ]
    graph(tmp_path, nodes, *BOOLEAN)
    rows = pd.DataFrame({"n": [0.5, 0.25], "flag": values})
    assert predict(load(tmp_path, "regression"), rows).values[:, 0].tolist() == [1.5, 0.25]
    with pytest.raises(ColumnsError, match="column 'flag' has values that are not true or false"):
        predict(load(tmp_path, "regression"), rows.assign(flag=[2, 0]))


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("age", [20, None], "column 'age' has missing values"),
        ("age", [20.5, 20], "column 'age' has values that are not whole numbers"),
        ("age", [1e300, 20], "column 'age' has values that are not whole numbers"),
        ("age", [2.0**63, 20], "column 'age' has values that are not whole numbers"),
        ("age", ["old", "20"], "column 'age' has values that are no numbers"),
        ("code", ["07", None], "column 'code' has missing values"),
        ("income_per_head", ["much", "1"], "column 'income_per_head' has values that are no num"),
    ],
)
def test_values_that_do_not_fit_are_named_by_column(
    tmp_path: Path, column: str, values: list[Any], expected: str
) -> None:
    one_input_each(tmp_path)
    rows = TABLE[["age", "code", "income per head"]][:2].assign(**{column: values})
    if column == "income_per_head":
        rows = rows.drop(columns="income per head")
    with pytest.raises(ColumnsError, match=expected) as error:
        predict(load(tmp_path, "regression"), rows)
    assert "much" not in str(error.value) and "old" not in str(error.value)


def test_numbers_that_stand_for_text_are_the_same_in_any_company(tmp_path: Path) -> None:
    """JSON knows numbers: 12 is the code `12`, whatever stands beside it."""
    one_input_each(tmp_path)
    predictor = load(tmp_path, "regression")
    rows = TABLE[["age", "code", "income per head"]][:2]
    right = predict(predictor, rows.assign(code=["12", "12"])).values
    for codes in ([12, 12], [12.0, 12.0]):
        np.testing.assert_array_equal(predict(predictor, rows.assign(code=codes)).values, right)
    mixed = rows.assign(code=pd.Series([12.0, 1.5], index=rows.index))
    np.testing.assert_array_equal(predict(predictor, mixed).values[0], right[0])


def test_a_gap_in_a_number_stays_one(tmp_path: Path) -> None:
    identity = [onnx.helper.make_node("Add", ["a", "b"], ["y"])]
    inputs = [("a", "FLOAT", [None, 1]), ("b", "FLOAT", [None, 1])]
    graph(tmp_path, identity, inputs, [("y", "FLOAT", [None, 1])])
    rows = pd.DataFrame({"b": pd.array([1.5, None], dtype="Float64"), "a": [1, 2]})
    np.testing.assert_array_equal(
        predict(load(tmp_path, "regression"), rows).values[:, 0], [2.5, np.nan]
    )


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    one_input_each(tmp_path)
    rows = TABLE.rename(columns={"code": "kode"})
    with pytest.raises(ColumnsError, match=r"'code' of the model is missing.*'kode'"):
        predict(load(tmp_path, "regression"), rows)


def test_a_matrix_knows_its_width(tmp_path: Path) -> None:
    save(tmp_path, LinearRegression().fit(X, X[:, 0]))
    predictor = load(tmp_path, "regression")
    with pytest.raises(ColumnsError, match="takes 3 columns, but the rows have 4"):
        predict(predictor, ROWS.assign(x4=1.0))
    with pytest.raises(ColumnsError, match="column 'x2' has values that are no numbers"):
        predict(predictor, ROWS.assign(x2="east"))
    text = ROWS.assign(x2=ROWS["x2"].map(str))
    np.testing.assert_array_equal(predict(predictor, text).values, predict(predictor, ROWS).values)


def test_a_matrix_of_text_takes_text_only(tmp_path: Path) -> None:
    """Its columns have no names, so no reader can know that `07` is no number."""
    frame = TABLE[["code"]].assign(more=TABLE["code"])
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame, TARGET)
    save(tmp_path, model, [("X", data_types.StringTensorType([None, 2]))])
    predictor = load(tmp_path, "regression")
    np.testing.assert_allclose(
        predict(predictor, frame).values[:, 0], model.predict(frame), rtol=1e-4
    )
    with pytest.raises(ColumnsError, match="column 'more' came as numbers"):
        predict(predictor, frame[:3].assign(more=[7, 12, 7]))


def test_inputs_that_nobody_can_tell_apart(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Concat", ["a", "b"], ["y"], axis=1)]
    inputs = [("a", "FLOAT", [None, 2]), ("b", "FLOAT", [None, 1])]
    graph(tmp_path, nodes, inputs, [("y", "FLOAT", [None, 3])])
    with pytest.raises(ModelError, match=r"2 inputs, and \['a'\] take more than one column"):
        predict(load(tmp_path, "regression"), ROWS)


def test_an_input_that_is_no_table_is_refused_at_the_start(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Identity", ["z"], ["y"])]
    graph(tmp_path, nodes, [("z", "BFLOAT16", [None, 2])], [("y", "BFLOAT16", [None, 2])])
    with pytest.raises(ModelLoadError, match=r"input 'z' is a tensor\(bfloat16\)"):
        load(tmp_path, "regression")


def test_inputs_that_nobody_named_go_by_position(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Sub", ["onnx::Sub_0", "onnx::Sub_1"], ["y"])]
    inputs = [("onnx::Sub_0", "FLOAT", [None, 1]), ("onnx::Sub_1", "FLOAT", [None, 1])]
    graph(tmp_path, nodes, inputs, [("y", "FLOAT", [None, 1])])
    predictor = load(tmp_path, "regression")
    np.testing.assert_array_equal(
        predict(predictor, ROWS[["x2", "x1"]]).values[:, 0], X[:, 1] - X[:, 0]
    )
    with pytest.raises(ColumnsError, match="takes 2 columns, but the rows have 3"):
        predict(predictor, ROWS)


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


def test_json_without_names_goes_by_position(tmp_path: Path) -> None:
    expected = one_input_each(tmp_path)[:3]
    predictor = load(tmp_path, "regression")
    rows = TABLE[["age", "code", "income per head"]][:3].to_numpy().tolist()
    body = json.dumps({"instances": rows}).encode()
    frame, source = read_data(body, "application/json", None, predictor)
    np.testing.assert_allclose(predictor.predict(frame, source).values[:, 0], expected, rtol=1e-4)


def test_columns_that_converters_spell_like_generated_names_go_by_name(tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    years = ["2019", "2020", "2021"]
    rows = pd.DataFrame(np.random.default_rng(3).normal(0, 1, (40, 3)), columns=years)
    model = make_pipeline(make_column_transformer(("passthrough", years)), LinearRegression())
    model.fit(rows, rows["2019"] * 5 + rows["2020"])
    types = [(year, FloatTensorType([None, 1])) for year in years]
    converted = to_onnx(model, initial_types=types).SerializeToString()
    predictor = load(write_folder(tmp_path, model_onnx=converted), "regression")
    result = predict(predictor, rows[years[::-1]])
    np.testing.assert_allclose(result.values[:, 0], model.predict(rows), rtol=1e-4, atol=1e-5)
    with pytest.raises(ColumnsError, match="'_2020' of the model is missing"):
        predict(predictor, rows.rename(columns={"2020": "twenty"}))


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

"""``custom.py``: how it is found and imported, and how each hook is called."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import CustomHTTPError, ModelError, ModelLoadError
from tests.unit.folders import ROWS, load, predict, write_folder

SCORE = "def score(data, model, **kwargs):\n    return pd.DataFrame({'p': data['a']})\n"


def refusal(folder: Path, target_type: str = "regression") -> str:
    with pytest.raises(ModelLoadError) as error:
        load(folder, target_type)
    return str(error.value)


def failure(folder: Path, target_type: str = "regression") -> str:
    predictor = load(folder, target_type)
    with pytest.raises(ModelError) as error:
        predict(predictor)
    return str(error.value)


# --- importing ---------------------------------------------------------------------------


def test_custom_file_below_the_top_level_imports_its_neighbours_and_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    write_folder(tmp_path / "sub", "import beside_it, at_the_top\n" + SCORE)
    (tmp_path / "sub" / "beside_it.py").touch()
    (tmp_path / "at_the_top.py").touch()
    predictor = load(tmp_path, "regression")
    assert predict(predictor).values[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert sys.path[0] == str(tmp_path / "sub")
    assert sys.path[-1] == str(tmp_path)


def test_each_folder_has_its_own_custom_module(tmp_path: Path) -> None:
    write_folder(tmp_path / "one", SCORE)
    write_folder(tmp_path / "two", SCORE.replace("data['a']", "data['b']"))
    one, two = load(tmp_path / "one", "regression"), load(tmp_path / "two", "regression")
    assert predict(one).values[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert predict(two).values[:, 0].tolist() == [4.0, 5.0, 6.0]


def test_pickles_find_the_classes_of_custom_py(tmp_path: Path) -> None:
    write_folder(tmp_path, model_pkl=b"\x80\x04ccustom\nTwice\n)\x81.")
    (tmp_path / "custom.py").write_text(
        "class Twice:\n    def predict(self, X):\n        return X['a'].to_numpy() * 2\n"
    )
    assert predict(load(tmp_path, "regression")).values[:, 0].tolist() == [2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)\n", "SystemExit: 3"),
        ("def score(:\n", "SyntaxError: "),
    ],
)
def test_import_failure_names_file_and_cause(tmp_path: Path, code: str, expected: str) -> None:
    write_folder(tmp_path, code)
    prefix = (
        "\n\nRunning environment language: Python.\n"
        f"Failed loading hooks from [{tmp_path / 'custom.py'}] : "
    )
    assert refusal(tmp_path).startswith(prefix + expected)


def test_init_gets_the_folder_once_before_the_model_loads(tmp_path: Path) -> None:
    custom = """
        calls = []
        def init(**kwargs):
            calls.append(kwargs)
        def load_model(code_dir):
            return list(calls), code_dir
        def score(data, model, **kwargs):
            calls, code_dir = model
            assert calls == [{'code_dir': code_dir}], calls
            return pd.DataFrame({'p': [1.0] * len(data)})
    """
    write_folder(tmp_path, custom)
    assert len(predict(load(tmp_path, "regression"))) == 3


@pytest.mark.parametrize("error", ["ValueError('boo')", "SystemExit(1)"])
def test_failing_init_ends_the_start(tmp_path: Path, error: str) -> None:
    write_folder(tmp_path, SCORE + f"def init(**kwargs):\n    raise {error}\n")
    assert refusal(tmp_path) == f"Model 'init' hook failed. Exception: {error}"


def test_load_model_failures(tmp_path: Path) -> None:
    prefix = "An error occurred when loading your artifact: 'load_model' hook failed to load "
    write_folder(tmp_path / "a", "def load_model(code_dir):\n    raise ValueError('boo')\n" + SCORE)
    write_folder(tmp_path / "b", "def load_model(code_dir):\n    return None\n" + SCORE)
    write_folder(tmp_path / "c", "def load_model(code_dir):\n    raise SystemExit(2)\n" + SCORE)
    assert refusal(tmp_path / "a") == f"{prefix}the model. Exception: ValueError('boo')"
    assert refusal(tmp_path / "b") == f"{prefix}model, None is returned."
    assert refusal(tmp_path / "c") == f"{prefix}the model. Exception: SystemExit(2)"


# --- calling -----------------------------------------------------------------------------

KEYWORDS = """
    def score(data, model, **kwargs):
        kwargs['target_type'] = kwargs['target_type'].value
        assert kwargs == {expected}, kwargs
        return pd.DataFrame({frame})
"""


@pytest.mark.parametrize(
    ("target_type", "settings", "labels", "frame"),
    [
        ("regression", {}, {}, "{'p': [1.0] * len(data)}"),
        (
            "binary",
            {},
            {"positive_class_label": "yes", "negative_class_label": "no"},
            "{'yes': [1.0] * len(data), 'no': [0.0] * len(data)}",
        ),
        (
            "multiclass",
            {"class_labels": ("x", "y")},
            {"class_labels": ["x", "y"]},
            "{'x': [1.0] * len(data), 'y': [0.0] * len(data)}",
        ),
    ],
)
@pytest.mark.parametrize(
    ("source", "charset"),
    [
        ({}, {"charset": None}),
        ({"charset": "utf-8"}, {"charset": "utf-8"}),
        ({"from_file": True}, {}),
    ],
    ids=["none named", "named", "file"],
)
def test_score_keywords(
    tmp_path: Path,
    target_type: str,
    settings: dict,
    labels: dict,
    frame: str,
    source: dict,
    charset: dict,
) -> None:
    expected = {
        "target_type": target_type,
        "binary_data": b"a,b\n1,2\n",
        "mimetype": "text/csv",
        "sparse_colnames": None,
        **labels,
        **charset,
    }
    write_folder(tmp_path, KEYWORDS.format(expected=expected, frame=frame))
    predictor = load(tmp_path, target_type, **settings)
    body = memoryview(b"a,b\n1,2\n")
    assert predict(predictor, binary_data=body, mimetype="text/csv", **source) is not None


def test_order_of_the_hooks(tmp_path: Path) -> None:
    custom = """
        def read_input_data(input_binary_data):
            assert type(input_binary_data) is bytes
            return pd.DataFrame({'steps': [input_binary_data.decode()]})
        def transform(data, model):
            return data + f' transform({model})'
        def score(data, model, **kwargs):
            return pd.DataFrame({'any name': data['steps'] + f' score({model})'})
        def post_process(predictions, model):
            return predictions['Predictions'].to_frame('x') + f' post_process({model})'
    """
    write_folder(tmp_path, custom)
    predictor = load(tmp_path, "textgeneration", target_name="text")
    frame = predictor.read_input(memoryview(b"read"))
    result = predict(predictor, frame)
    assert result.values.tolist() == [
        ["read transform(the model) score(the model) post_process(the model)"]
    ]
    assert result.columns == ("Predictions",)
    assert predictor.info.hooks == frozenset(
        {"load_model", "read_input_data", "transform", "score", "post_process"}
    )
    assert predictor.info.framework is None
    assert not predictor.info.batchable


@pytest.mark.parametrize("name", ["transform", "post_process"])
def test_a_hook_around_a_framework_forbids_batching(tmp_path: Path, name: str) -> None:
    from sklearn.linear_model import LinearRegression

    write_folder(tmp_path, model_pkl=LinearRegression().fit(ROWS, [1, 2, 3]))
    (tmp_path / "custom.py").write_text(f"def {name}(data, model):\n    return data\n")
    predictor = load(tmp_path, "regression")
    assert predictor.info.framework == "scikit-learn"
    assert not predictor.info.batchable
    assert [round(x) for x in predict(predictor).values[:, 0]] == [1, 2, 3]


# --- failures ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (
            "def transform(data, model): raise ValueError('boo')",
            "Model 'transform hook' failed to transform dataset. Exception: ValueError('boo')",
        ),
        (
            "def transform(data, model): return 1",
            "transform must return a dataframe, but received <class 'int'>",
        ),
        (
            "def score(data, model, **kwargs): raise KeyError('a')",
            "Model 'score' hook failed to make predictions. Exception: KeyError('a')",
        ),
        (
            "def score(data, model, **kwargs): raise SystemExit(1)",
            "Model 'score' hook failed to make predictions. Exception: SystemExit(1)",
        ),
        (
            "def score(data, model, **kwargs): return data.to_numpy()",
            "score must return a dataframe, but received <class 'numpy.ndarray'>",
        ),
        (
            "def post_process(predictions, model): raise ValueError('boo')",
            "Model 'post_process' hook failed to post-process predictions. "
            "Exception: ValueError('boo')",
        ),
        (
            "def post_process(predictions, model): return None",
            "Output of post_process hook must be a dataframe, not a <class 'NoneType'>",
        ),
    ],
)
def test_failing_hooks(tmp_path: Path, hook: str, expected: str) -> None:
    write_folder(tmp_path, SCORE + hook + "\n")
    assert failure(tmp_path) == expected


def test_score_that_takes_no_keywords_fails(tmp_path: Path) -> None:
    write_folder(tmp_path, "def score(data, model):\n    return data\n")
    assert "unexpected keyword argument 'target_type'" in failure(tmp_path)


def test_failing_read_input_data(tmp_path: Path) -> None:
    write_folder(tmp_path, SCORE + "def read_input_data(data):\n    raise ValueError('boo')\n")
    predictor = load(tmp_path, "regression")
    with pytest.raises(ModelError) as error:
        predictor.read_input(b"")
    assert str(error.value) == (
        "Model 'read_input_data' hook failed to read input data. Exception: ValueError('boo')"
    )


@pytest.mark.parametrize("name", ["transform", "score", "post_process", "read_input_data"])
def test_user_http_errors_pass_untouched(tmp_path: Path, name: str) -> None:
    hook = (
        "from datarobot_drum import CustomHTTPError\n"
        f"def {name}(*args, **kwargs):\n    raise CustomHTTPError('teapot', 418)\n"
    )
    write_folder(tmp_path, SCORE + hook)
    predictor = load(tmp_path, "regression")
    with pytest.raises(CustomHTTPError, match="teapot") as error:
        predict(predictor) if name != "read_input_data" else predictor.read_input(b"")
    assert error.value.status_code == 418


def test_web_frameworks_http_errors_pass_untouched(tmp_path: Path) -> None:
    exceptions = pytest.importorskip("werkzeug.exceptions")
    hook = "def score(data, model, **kwargs):\n    raise NotFound('no such row')\n"
    write_folder(tmp_path, "from werkzeug.exceptions import NotFound\n" + hook)
    with pytest.raises(exceptions.NotFound):
        predict(load(tmp_path, "regression"))


def test_what_read_input_data_returns_goes_on_as_it_is(tmp_path: Path) -> None:
    custom = """
        def read_input_data(data):
            return {'rows': 2}
        def score(data, model, **kwargs):
            return pd.DataFrame({'p': [1.0] * data['rows']})
    """
    write_folder(tmp_path, custom)
    predictor = load(tmp_path, "regression")
    assert len(predict(predictor, predictor.read_input(b""))) == 2


# --- chat and models ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signature", "expected"),
    [("params, model", None), ("params, model, **kwargs", {"x-a": "1"})],
)
def test_chat_gets_headers_only_when_it_takes_them(
    tmp_path: Path, signature: str, expected: object
) -> None:
    custom = f"def chat({signature}):\n    return params, model, locals().get('kwargs')\n"
    write_folder(tmp_path, custom)
    predictor = load(tmp_path, "textgeneration", target_name="text")
    assert predictor.info.supports_chat
    params = {"messages": []}
    reply = predictor.chat(params, {"x-a": "1"})
    assert reply[0] is params
    assert reply[1:] == ("the model", {"headers": expected} if expected else None)


def test_failing_chat_says_what_the_exception_says(tmp_path: Path) -> None:
    write_folder(tmp_path, "def chat(params, model):\n    raise ValueError('no such tool')\n")
    predictor = load(tmp_path, "agenticworkflow", target_name="text")
    with pytest.raises(ModelError, match=r"^no such tool$"):
        predictor.chat({}, {})


def test_chat_only_models_do_not_predict(tmp_path: Path) -> None:
    write_folder(tmp_path, "def chat(params, model):\n    return 1\n")
    predictor = load(tmp_path, "textgeneration", target_name="text")
    with pytest.raises(ModelError, match=r"Failure when making predictions\. The model has no"):
        predict(predictor)


def test_supported_models(tmp_path: Path) -> None:
    hook = "def get_supported_llm_models(model):\n    return [model]\n"
    write_folder(tmp_path / "with", SCORE + hook)
    write_folder(tmp_path / "without", SCORE)
    assert load(tmp_path / "with", "regression").supported_llm_models() == ["the model"]
    assert load(tmp_path / "without", "regression").supported_llm_models() is None


def test_frames_reach_hooks_uncopied(tmp_path: Path) -> None:
    custom = """
        seen = []
        def transform(data, model):
            seen.append(id(data))
            return data
        def score(data, model, **kwargs):
            return pd.DataFrame({'p': [seen[0] == id(data)] * len(data)})
    """
    write_folder(tmp_path, custom)
    result = predict(load(tmp_path, "regression"), pd.DataFrame({"a": [1]}))
    assert result.values.all()

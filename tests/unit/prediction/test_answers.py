"""What a model answers on its own route, and on those of other target types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datarobot_drum.drum.exceptions import ModelError, PayloadError
from datarobot_drum.drum.prediction.answers import ModelAnswers
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.pps import load_deployment_config
from datarobot_drum.drum.prediction.payload.structured import payload_formats
from tests.unit.folders import load, write_folder

ECHO = "def score(data, model, **kwargs):\n    return data\n"
TRANSFORM = "def transform(data, model):\n    return data\n"
UNSTRUCTURED = "def score_unstructured(model, data, **kwargs):\n    return data\n"


def answers(tmp_path: Path, target_type: str, custom: str = ECHO) -> ModelAnswers:
    named = {"target_name": "answer"} if target_type == "textgeneration" else {}
    return ModelAnswers(load(write_folder(tmp_path, custom), target_type, **named))


def rows(csv: str, accept: str = "") -> PredictRequest:
    return PredictRequest(csv.encode(), "text/csv", {"accept": accept})


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "application/json, text/csv"])
def test_json_is_the_ordinary_form(tmp_path: Path, accept: str) -> None:
    response = answers(tmp_path, "regression").predict(rows("v\n3\n", accept))
    assert (response.content_type, response.body) == ("application/json", b'{"predictions":[3.0]}')


def test_csv_on_request_holds_the_same_numbers(tmp_path: Path) -> None:
    response = answers(tmp_path, "regression").predict(rows("v\n3\n", "text/csv"))
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.body == b"Predictions\n3.0\n"


def test_arrow_on_request_holds_the_same_numbers(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    accept = "application/vnd.apache.arrow.stream"
    response = answers(tmp_path, "regression").predict(rows("v\n3\n", accept))
    assert response.content_type == accept
    table = pyarrow.ipc.open_stream(response.body).read_all()
    assert table.to_pydict() == {"Predictions": [3.0]}
    assert table.schema.types == [pyarrow.float64()]


@pytest.mark.parametrize("accept", ["", "text/csv"])
def test_text_of_a_numeric_type_fails_in_every_format(tmp_path: Path, accept: str) -> None:
    with pytest.raises(ModelError, match="could not convert string to float: 'a'"):
        answers(tmp_path, "regression").predict(rows("v\na\n", accept))


def test_a_deployment_has_a_form_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    file.write_text('{"target": {"name": "price", "class_mapping": null}}')
    predictor = load(write_folder(tmp_path / "model", ECHO), "regression")
    config = load_deployment_config(str(file), predictor.info.target_type)
    response = ModelAnswers(predictor, config).predict(rows("v\n3\n", "text/csv"))
    assert response.content_type == "application/json"
    assert json.loads(response.body) == {
        "data": [
            {
                "prediction": 3.0,
                "predictionValues": [{"label": "price", "value": 3.0}],
                "rowId": 0,
            }
        ]
    }


@pytest.mark.parametrize(
    ("target_type", "custom", "operation", "text"),
    [
        (
            "unstructured",
            UNSTRUCTURED,
            "predict",
            "This model has target type 'unstructured', use the /predictUnstructured/ or "
            "/predictionsUnstructured/ endpoint.",
        ),
        (
            "transform",
            TRANSFORM,
            "predict",
            "This model has target type 'transform', use the /transform/ endpoint.",
        ),
        (
            "regression",
            ECHO,
            "transform",
            "This model has target type TargetType.REGRESSION, use the /predict/ endpoint.",
        ),
        (
            "unstructured",
            UNSTRUCTURED,
            "transform",
            "This model has target type TargetType.UNSTRUCTURED, "
            "use the /predictUnstructured/ endpoint.",
        ),
        (
            "regression",
            ECHO,
            "unstructured",
            "This model has target type TargetType.REGRESSION, "
            "use either /predict/ or /predictions/ endpoint.",
        ),
        (
            "textgeneration",
            ECHO,
            "unstructured",
            "This model has target type TargetType.TEXT_GENERATION, "
            "use either /predict/ or /predictions/ endpoint.",
        ),
    ],
)
def test_routes_of_other_target_types(
    tmp_path: Path, target_type: str, custom: str, operation: str, text: str
) -> None:
    model = answers(tmp_path, target_type, custom)
    with pytest.raises(PayloadError) as caught:
        getattr(model, operation)(rows("v\n3\n"))
    assert str(caught.value) == text


def test_transform_and_unstructured_answer_in_their_forms(tmp_path: Path) -> None:
    response = answers(tmp_path / "t", "transform", TRANSFORM).transform(rows("v\n3\n"))
    assert response.content_type.startswith("multipart/form-data; boundary=")
    response = answers(tmp_path / "u", "unstructured", UNSTRUCTURED).unstructured(rows("v\n3\n"))
    assert (response.content_type, response.body) == ("text/plain; charset=utf-8", b"v\n3\n")


def test_formats() -> None:
    assert payload_formats().items() >= {"csv": None, "mtx": None, "json": None}.items()

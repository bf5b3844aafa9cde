"""The shapes of bodies, as the OpenAPI description names them."""

from __future__ import annotations

from typing import Any, Final

from datarobot_drum.drum.prediction.open_inference.tensors import DATATYPES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *required: str, **more: Any) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    return found | more


def _array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items} | more


STRING: Final[Schema] = {"type": "string"}
INTEGER: Final[Schema] = {"type": "integer"}
NUMBER_OR_NULL: Final[Schema] = {"type": ["number", "null"]}
ANY: Final[Schema] = {}
FREE: Final[Schema] = {"type": "object"}

_TENSOR_FIELDS: Final[Schema] = {
    "name": STRING,
    "shape": _array({"type": "integer", "minimum": 1}),
    "datatype": {"type": "string", "enum": list(DATATYPES)},
    "parameters": FREE,
    "data": _array(ANY, description="Nested lists, or one flat list in row-major order."),
}
_TENSOR_DESCRIPTION: Final[Schema] = _object(
    {"name": STRING, "datatype": STRING, "shape": _array(INTEGER)}, "name", "datatype", "shape"
)

SCHEMAS: Final[Schema] = {
    "Message": _object({"message": STRING}, "message"),
    "Error": _object(
        {
            "message": {
                "type": "string",
                "description": "`ERROR: ` and what was wrong; a model's own HTTP errors as they"
                " are.",
            },
            "is_schema_validation_error": {"type": "boolean"},
        },
        "message",
    ),
    "Predictions": _object(
        {
            "predictions": _array(
                {
                    "anyOf": [
                        {"type": ["number", "string", "null"]},
                        {"type": "object", "additionalProperties": NUMBER_OR_NULL},
                    ]
                },
                description="One entry for each row: a number or a text, or for classification an"
                " object with the probability of each label.",
            ),
            "extraModelOutput": _object(
                {"columns": _array(ANY), "index": _array(ANY), "data": _array(_array(ANY))},
                "columns",
                "index",
                "data",
            ),
        },
        "predictions",
    ),
    "DeploymentPredictions": _object(
        {"data": _array(FREE)},
        "data",
        description="The answer when the server was started with `--deployment-config`.",
    ),
    "Rows": {
        "description": "A list of records; columns and data; or what MLflow's clients send.",
        "anyOf": [
            _array(FREE),
            _object({"columns": _array(STRING), "data": _array(_array(ANY))}, "columns", "data"),
            _object({"dataframe_split": FREE}, "dataframe_split"),
            _object({"dataframe_records": _array(FREE)}, "dataframe_records"),
            _object({"instances": _array(ANY)}, "instances"),
        ],
    },
    "Info": _object(
        {
            "codeDir": STRING,
            "drumServer": {"type": "string", "enum": ["flask", "gunicorn", "fastapi"]},
            "drumVersion": STRING,
            "language": STRING,
            "modelMetadata": {"type": ["object", "null"]},
            "predictor": {"type": ["string", "null"]},
            "targetType": STRING,
            "positiveClassLabel": STRING,
            "negativeClassLabel": STRING,
            "classLabels": _array(STRING),
        },
        "codeDir",
        "drumServer",
        "drumVersion",
        "language",
        "modelMetadata",
        "targetType",
    ),
    "Capabilities": _object(
        {"supported_methods": FREE, "supported_payload_formats": FREE},
        "supported_methods",
        "supported_payload_formats",
    ),
    "Stats": _object(
        {"drum_info": _array(FREE), "mem_info": FREE, "time_info": FREE},
        "drum_info",
        "mem_info",
        "time_info",
    ),
    "ChatRequest": _object(
        {
            "messages": _array(FREE),
            "model": STRING,
            "stream": {"type": "boolean"},
            "datarobot_association_id": STRING,
        },
        description="Handed to the model as it is. The model decides whether it streams.",
    ),
    "ChatCompletion": _object(
        {
            "object": {"const": "chat.completion"},
            "choices": _array(FREE),
            "datarobot_association_id": STRING,
        },
        description="As the model made it, with the association id.",
    ),
    "Models": _object({"object": {"const": "list"}, "data": _array(FREE)}, "object", "data"),
    "ServerMetadata": _object(
        {"name": STRING, "version": STRING, "extensions": _array(STRING)},
        "name",
        "version",
        "extensions",
    ),
    "Live": _object({"live": {"type": "boolean"}}, "live"),
    "Ready": _object({"ready": {"type": "boolean"}, "name": STRING}, "ready"),
    "ModelMetadata": _object(
        {
            "name": STRING,
            "versions": _array(STRING),
            "platform": STRING,
            "inputs": _array(_TENSOR_DESCRIPTION),
            "outputs": _array(_TENSOR_DESCRIPTION),
        },
        "name",
        "platform",
        "inputs",
        "outputs",
    ),
    "InferRequest": _object(
        {
            "id": STRING,
            "parameters": FREE,
            "inputs": _array(_object(_TENSOR_FIELDS, "name", "shape", "datatype"), minItems=1),
            "outputs": _array(_object({"name": STRING, "parameters": FREE}, "name")),
        },
        "inputs",
    ),
    "InferResponse": _object(
        {
            "id": STRING,
            "model_name": STRING,
            "model_version": STRING,
            "parameters": FREE,
            "outputs": _array(_object(_TENSOR_FIELDS, "name", "shape", "datatype")),
        },
        "model_name",
        "outputs",
    ),
    "InferError": _object({"error": STRING}, "error"),
}

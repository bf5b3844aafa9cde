"""``model-metadata.yaml``: what it may say, and how it is refused."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.model.metadata import read_metadata, resolve_target_type

HEAD = "name: penguins\ntype: training\ntargetType: regression\n"


def read(folder: Path, text: str) -> object:
    (folder / "model-metadata.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return read_metadata(str(folder))


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(StartupError) as error:
        read(folder, text)
    return str(error.value)


def test_no_file(tmp_path: Path) -> None:
    assert read_metadata(str(tmp_path)) is None


def test_names_and_labels_stay_text_as_written(tmp_path: Path) -> None:
    text = """
        name: 1.10
        type: inference
        targetType: binary
        description: null
        inferenceModel:
          targetName: on
          positiveClassLabel: yes
          negativeClassLabel: 'no'
    """
    assert read(tmp_path, text) == {
        "name": "1.10",
        "type": "inference",
        "targetType": "binary",
        "description": "null",
        "inferenceModel": {
            "targetName": "on",
            "positiveClassLabel": "yes",
            "negativeClassLabel": "no",
        },
    }


def test_ordinary_yaml_is_accepted(tmp_path: Path) -> None:
    text = """
        name: &name "größe"
        type: inference
        targetType: multiclass
        description: *name
        inferenceModel: {classLabels: [1, yes, "c d", ~], predictionThreshold: .25}
        majorVersion: Off
    """
    metadata = read(tmp_path, text)
    assert metadata["description"] == "größe"
    assert metadata["majorVersion"] is False
    assert metadata["inferenceModel"] == {
        "classLabels": ["1", "yes", "c d", "~"],
        "predictionThreshold": 0.25,
    }


def test_free_parts_keep_their_types(tmp_path: Path) -> None:
    text = HEAD + textwrap.dedent(
        """
        runtimeParameterDefinitions:
          - {fieldName: limit, type: numeric, defaultValue: 3, allowEmpty: false}
        customPredictor: {anything: [1, 2.5, yes, null]}
        hyperparameters: []
        inputSchema:
          type: object
          title: Tool
          description: JSON Schema keys are welcome
          $defs: {}
          properties: {city: {type: string}}
        """
    )
    metadata = read(tmp_path, text)
    assert metadata["runtimeParameterDefinitions"][0]["defaultValue"] == 3
    assert metadata["runtimeParameterDefinitions"][0]["allowEmpty"] is False
    assert metadata["customPredictor"] == {"anything": [1, 2.5, True, None]}
    assert metadata["hyperparameters"] == []
    assert metadata["inputSchema"]["properties"] == {"city": {"type": "string"}}


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("foo: 1\n", "model-metadata.yaml, line 4: unexpected key not in schema 'foo'"),
        (
            "inferenceModel:\n  targetName: y\n  threshold: 1\n",
            "line 6: unexpected key not in schema 'inferenceModel.threshold'",
        ),
        ("targettype: x\n", "schema 'targettype'. Did you mean 'targetType'?"),
        (
            "inferenceModel: {positiveClasLabel: x}\n",
            "'inferenceModel.positiveClasLabel'. Did you mean 'positiveClassLabel'?",
        ),
        ("name: again\n", "line 4: duplicate key 'name'"),
        ("majorVersion: maybe\n", "line 4: 'majorVersion' must be true or false, got 'maybe'"),
        ("environmentID: [1]\n", "line 4: 'environmentID' must be text"),
        ("validation: input.csv\n", "line 4: validation must be a mapping"),
        ("validation: {targetName: y}\n", "line 4: required key(s) 'validation.input' not found"),
        (
            "inferenceModel: {predictionThreshold: 1.5}\n",
            "'inferenceModel.predictionThreshold' must be a number from 0 to 1, got '1.5'",
        ),
        ("inferenceModel: {predictionThreshold: half}\n", "from 0 to 1, got 'half'"),
        ("inferenceModel: {predictionThreshold: nan}\n", "from 0 to 1, got 'nan'"),
        ("inferenceModel: {classLabels: a}\n", "'inferenceModel.classLabels' must be a list"),
        (
            "userCredentialSpecifications: [{key: a}]\n",
            "required key(s) 'userCredentialSpecifications.valueFrom' not found",
        ),
        (
            "inputSchema: {type: array}\n",
            "Error creating pydantic model from input schema: "
            "Only 'object' type schemas are supported, got 'array'",
        ),
        (
            "inputSchema: {type: object, properties: x}\n",
            "'properties' must be a dictionary, got '<class 'str'>'",
        ),
        ("customPredictor: !!python/object:os.system {}\n", "is not valid YAML"),
        ("a: [\n", "model-metadata.yaml is not valid YAML"),
    ],
)
def test_refusals_name_key_and_line(tmp_path: Path, extra: str, expected: str) -> None:
    assert expected in refusal(tmp_path, HEAD + extra)


def test_missing_keys(tmp_path: Path) -> None:
    assert "line 1: required key(s) 'targetType' not found" in refusal(tmp_path, "name: x\n")


def test_all_missing_keys_are_in_one_list(tmp_path: Path) -> None:
    text = "type: inference\ntargetType: binary\nvalidation: {targetName: y}\n"
    labels = "'inferenceModel.positiveClassLabel', 'inferenceModel.negativeClassLabel'"
    assert refusal(tmp_path, text) == (
        f"model-metadata.yaml, line 3: required key(s) 'validation.input', {labels} not found"
    )
    assert refusal(tmp_path, "validation: {}\n").endswith(
        "required key(s) 'validation.input', 'targetType' not found"
    )


@pytest.mark.parametrize("target_type", [member.value for member in TargetType])
def test_the_target_type_alone_is_metadata(tmp_path: Path, target_type: str) -> None:
    """Labels may come from the command line."""
    assert read(tmp_path, f"targetType: {target_type}\n") == {
        "name": tmp_path.name,
        "type": "inference",
        "targetType": target_type,
    }


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_empty_file(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text) == "The model-metadata.yaml file appears to be empty."


def test_file_that_is_a_list(tmp_path: Path) -> None:
    assert "line 1: the file must be a mapping" in refusal(tmp_path, "- a\n")


@pytest.mark.parametrize(
    ("section", "missing"),
    [
        ("", ["inferenceModel", "positiveClassLabel", "negativeClassLabel"]),
        ("inferenceModel: {targetName: y}\n", ["positiveClassLabel", "negativeClassLabel"]),
        ("inferenceModel: {positiveClassLabel: y}\n", ["negativeClassLabel"]),
    ],
)
def test_binary_inference_needs_both_labels(
    tmp_path: Path, section: str, missing: list[str]
) -> None:
    head = "name: x\ntype: inference\ntargetType: binary\n"
    assert refusal(tmp_path, head + section) == (
        f"The following keys are missing in model-metadata.yaml file.\nMissing keys: {missing}"
    )


@pytest.mark.parametrize("target_type", ["multiclass", "multilabel"])
def test_multiclass_inference_needs_labels_from_one_source(
    tmp_path: Path, target_type: str
) -> None:
    head = f"name: x\ntype: inference\ntargetType: {target_type}\n"
    prefix = "\nError - for multiclass classification, either the class labels or a class labels "
    assert refusal(tmp_path, head) == (
        f"{prefix}file must be provided in model-metadata.yaml file."
    )
    both = "inferenceModel: {classLabels: [a, b], classLabelsFile: labels.txt}\n"
    assert refusal(tmp_path, head + both) == (
        f"{prefix}file should be provided in model-metadata.yaml file, but not both."
    )


def test_target_type_from_option_metadata_or_both() -> None:
    binary = {"targetType": "binary"}
    assert resolve_target_type(TargetType.BINARY, None) is TargetType.BINARY
    assert resolve_target_type(None, binary) is TargetType.BINARY
    assert resolve_target_type(TargetType.BINARY, binary) is TargetType.BINARY


def test_target_type_refusals() -> None:
    with pytest.raises(StartupError, match=r"^Target type is missing\. It must be provided in"):
        resolve_target_type(None, None)
    with pytest.raises(StartupError, match=r"doesn't match target type from model config file"):
        resolve_target_type(TargetType.REGRESSION, {"targetType": "binary"})
    with pytest.raises(StartupError, match=r"^.foo. is not a valid TargetType: "):
        resolve_target_type(TargetType.REGRESSION, {"targetType": "foo"})


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("regresion", "multilabel. Did you mean 'regression'?"),
        ("Binary", "multilabel. Did you mean 'binary'?"),
        ("", "multilabel. It must not be empty."),
        ("foo", "multilabel"),
    ],
)
def test_a_target_type_that_is_none_is_told_with_those_there_are(written: str, advice: str) -> None:
    with pytest.raises(StartupError) as error:
        resolve_target_type(None, {"targetType": written})
    text = "is not a valid TargetType: targetType in model-metadata.yaml is one of binary, "
    assert str(error.value).startswith(f"'{written}' {text}")
    assert str(error.value).endswith(advice)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"targetType: [binary\n", "expected ',' or ']', but got '<stream end>' in line 2"),
        (b"a: b\n\tc: d\n", "found character '\\t' that cannot start any token in line 2"),
        ("targetType: binary\n".encode("utf-16"), "it is not UTF-8 text"),
        (b"a: *tell-nobody\n", "found undefined alias '\u2026' in line 1"),
        (b"a: b\ntell-nobody\n", "could not find expected ':' in line 3"),
        (b"a: 'it is: tell-nobody\n", "found unexpected end of stream in line 2"),
        (b"a: !tell!nobody it\n", "found undefined tag handle '\u2026' in line 1"),
        (b'a: "\\quiet"\n', "found unknown escape character 'q' in line 1"),
        (b"a: \x00tell-nobody\n", "it holds a sign that is not allowed, number 4"),
    ],
)
def test_what_is_no_yaml_is_told_on_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "model-metadata.yaml").write_bytes(content)
    with pytest.raises(StartupError) as error:
        read_metadata(str(tmp_path))
    assert str(error.value) == f"model-metadata.yaml is not valid YAML: {told}"


def test_reading_metadata_does_not_need_pandas() -> None:
    import subprocess
    import sys

    script = (
        "import sys, datarobot_drum.drum.model.metadata, datarobot_drum.drum.model.folder\n"
        "sys.exit(any(m in sys.modules for m in ('pandas', 'numpy')))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    "more",
    [
        "typeSchema: !!timestamp tell-nobody",
        "typeSchema: !!bool tell-nobody",
        "typeSchema: !!int ''",
        f"typeSchema: {'[' * 5000}",
        "<<: tell-nobody",
        "? {password: tell-nobody}\n: 1",
        "inferenceModel:\n  ? [tell-nobody]\n  : 1",
    ],
)
def test_whatever_cannot_be_read_is_refused_and_not_told(tmp_path: Path, more: str) -> None:
    told = refusal(tmp_path, f"{HEAD}{more}\n")
    assert told.startswith("model-metadata.yaml")
    assert "nobody" not in told and "\n" not in told

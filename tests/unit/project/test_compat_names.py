"""The names that user code, templates and test-suites import, in the places they know."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest

from datarobot_drum import __version__
from datarobot_drum.drum import enum, server
from datarobot_drum.drum.command_line import arguments
from datarobot_drum.drum.common import FIT_METADATA_FILENAME, get_drum_logger
from datarobot_drum.drum.description import version
from datarobot_drum.drum.enum import (
    ArgumentOptionsEnvVars,
    ArgumentsOptions,
    ModelMetadataKeys,
    RunLanguage,
    ServerType,
    TargetType,
)
from datarobot_drum.drum.exceptions import (
    DrumCommonException,
    DrumSchemaValidationException,
    StartupError,
)
from datarobot_drum.drum.language_predictors.java_predictor.java_predictor import JavaPredictor
from datarobot_drum.drum.model.predictor import ClassLabels, ModelInfo
from datarobot_drum.drum.model_metadata import read_model_metadata_yaml
from datarobot_drum.drum.prediction.figures.status import describe
from datarobot_drum.drum.root_predictors.utils import (
    _cmd_add_class_labels,
    _exec_shell_cmd,
    get_mimetype_charset_from_content_type_header,
)
from datarobot_drum.drum.utils.drum_utils import unset_drum_supported_env_vars
from tests.unit.folders import write_folder
from tests.unit.project.modules import FILES

NAMES = {
    "datarobot_drum": "RuntimeParameters CustomHTTPError",
    "datarobot_drum.custom_task_interfaces": (
        "TransformerInterface RegressionEstimatorInterface BinaryEstimatorInterface "
        "MulticlassEstimatorInterface AnomalyEstimatorInterface BasicSecret OauthSecret S3Secret "
        "AzureSecret AzureServicePrincipalSecret SnowflakeOauthUserAccountSecret "
        "SnowflakeKeyPairUserAccountSecret AdlsGen2OauthSecret GCPSecret ApiTokenSecret "
        "DatabricksAccessTokenAccountSecret TableauAccessTokenSecret"
    ),
    "datarobot_drum.custom_task_interfaces.custom_task_interface": (
        "CustomTaskInterface Serializable"
    ),
    "datarobot_drum.drum.exceptions": (
        "DrumException DrumCommonException DrumPredException DrumFormatSchemaException "
        "DrumSchemaValidationException DrumTransformException DrumSerializationError "
        "DrumPerfTestTimeout UnrecoverableError BaseCustomUserError CustomHTTPError"
    ),
    "datarobot_drum.drum.enum": (
        "TargetType RunLanguage ArgumentsOptions ArgumentOptionsEnvVars ModelMetadataKeys "
        "CustomHooks MODEL_CONFIG_FILENAME ModelInfoKeys X_TRANSFORM_KEY Y_TRANSFORM_KEY "
        "PredictionServerMimetypes ExitCodes RunMode EnvVarNames"
    ),
    "datarobot_drum.drum.common": "get_drum_logger FIT_METADATA_FILENAME",
    "datarobot_drum.drum.description": "version",
    "datarobot_drum.drum.model_metadata": "read_model_metadata_yaml",
    "datarobot_drum.drum.root_predictors.drum_inline_utils": "drum_inline_predictor",
    "datarobot_drum.drum.root_predictors.drum_server_utils": "DrumServerRun wait_for_server",
    "datarobot_drum.drum.root_predictors.transform_helpers": (
        "parse_multi_part_response read_csv_payload read_mtx_payload read_x_data_from_response"
    ),
    "datarobot_drum.drum.root_predictors.utils": (
        "_exec_shell_cmd _cmd_add_class_labels get_mimetype_charset_from_content_type_header"
    ),
    "datarobot_drum.drum.server": (
        "HTTP_200_OK HTTP_400_BAD_REQUEST HTTP_404_NOT_FOUND HTTP_422_UNPROCESSABLE_ENTITY "
        "HTTP_500_INTERNAL_SERVER_ERROR HTTP_513_DRUM_PIPELINE_ERROR"
    ),
    "datarobot_drum.drum.utils.drum_utils": "unset_drum_supported_env_vars",
    "datarobot_drum.runtime_parameters.runtime_parameters": "RuntimeParameters",
}


@pytest.mark.parametrize("module", NAMES)
def test_names(module: str):
    room = import_module(module)
    assert [name for name in NAMES[module].split() if not hasattr(room, name)] == []


def test_modules_that_are_there_for_old_names_only_say_so():
    drum = "datarobot_drum.drum"
    old = ("common", "description", "model_metadata", "server", "utils.drum_utils")
    rooms = tuple(f"{drum}.{room}." for room in ("root_predictors", "language_predictors"))
    modules = [FILES[f"{drum}.{name}"] for name in old]
    modules += [path for name, path in FILES.items() if name.startswith(rooms)]
    first = {path: text[0] for path in modules if (text := path.read_text().splitlines())}
    assert len(first) > 8
    assert [p for p, line in first.items() if not line.startswith('"""For compatibility')] == []


def test_small_values():
    assert version == __version__
    assert FIT_METADATA_FILENAME == "fit_runtime_data.json"
    assert get_drum_logger("mine").name == "drum.mine"
    assert [language.value for language in RunLanguage] == ["python", "r", "java", "other"]
    assert ModelMetadataKeys.VALIDATION_SCHEMA == "typeSchema"
    assert str(TargetType.REGRESSION) == "TargetType.REGRESSION"


def test_the_words_of_test_suites():
    assert ArgumentsOptions.MAIN_COMMAND == "drum"
    assert (enum.X_TRANSFORM_KEY, enum.Y_TRANSFORM_KEY) == ("X.transformed", "y.transformed")
    assert enum.PredictionServerMimetypes.TEXT_MTX == "text/mtx"
    assert enum.ExitCodes.SCHEMA_VALIDATION_ERROR.value == 3
    assert enum.ExitCodes.SCHEMA_VALIDATION_ERROR.value == DrumSchemaValidationException.exit_code
    assert enum.RunMode("perf-test") is enum.RunMode.PERF_TEST
    assert enum.EnvVarNames.DRUM_JAVA_XMX == "DRUM_JAVA_XMX"
    names = [name for name in vars(server) if name.startswith("HTTP_")]
    assert [int(name.split("_")[1]) for name in names] == [getattr(server, n) for n in names]


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("binary", ClassLabels(("n", "y"), "y", "n")),
        ("multiclass", ClassLabels(("a", "b"))),
        ("regression", None),
    ],
)
def test_the_keys_of_info_are_those_that_the_server_sends(kind: str, labels):
    info = ModelInfo("/code", TargetType(kind), RunLanguage.PYTHON, labels=labels)
    sent = set(describe(info, ServerType.FLASK))
    keys = enum.ModelInfoKeys
    assert sent <= {value for value in vars(keys).values() if isinstance(value, str)}
    assert set(keys.REQUIRED) <= sent
    assert (keys.CLASS_LABELS in sent) == (kind == "multiclass")
    assert (keys.POSITIVE_CLASS_LABEL in sent) == (kind == "binary")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text/plain; charset=utf8", ("text/plain", "utf8")),
        ("text/csv", ("text/csv", None)),
        ('Application/JSON;charset="latin-1"; a=b', ("application/json", "latin-1")),
        ("", ("", None)),
        (None, ("", None)),
    ],
)
def test_parts_of_a_content_type(header, expected):
    assert get_mimetype_charset_from_content_type_header(header) == expected


def test_the_variables_of_the_vocabulary_are_those_that_options_read():
    known = ArgumentOptionsEnvVars.VALUE_VARS + ArgumentOptionsEnvVars.BOOL_VARS
    # The post-fit check belongs to a command that is yet to come.
    assert set(known) - arguments.variables() <= {ArgumentOptionsEnvVars.SKIP_PREDICT}


def test_java_is_refused_in_words():
    java = JavaPredictor()
    with pytest.raises(DrumCommonException, match="serves Python models only"):
        java.configure({"custom_model_dir": "here"})
    with pytest.raises(DrumCommonException, match="serves Python models only"):
        java.predict(binary_data=b"a\n1\n")


def test_metadata_is_read_or_none(tmp_path: Path):
    assert read_model_metadata_yaml(str(tmp_path)) is None
    write_folder(tmp_path, metadata="name: n\ntype: inference\ntargetType: regression\n")
    metadata = read_model_metadata_yaml(str(tmp_path))
    assert metadata is not None
    assert metadata[ModelMetadataKeys.TARGET_TYPE] == "regression"
    (tmp_path / "model-metadata.yaml").write_text("nonsense: 1\n")
    with pytest.raises(StartupError, match="nonsense"):
        read_model_metadata_yaml(str(tmp_path))


def test_unset_variables():
    mine = {"TARGET_TYPE": "binary", "MONITOR": "1", "MINE": "1", "OTHER": "1"}
    with patch.dict(os.environ, mine):
        unset_drum_supported_env_vars(["MINE"])
        assert [name for name in mine if name in os.environ] == ["OTHER"]


def test_a_command_runs_without_a_shell():
    process, stdout, stderr = _exec_shell_cmd("echo 'a  b' > c", "no")
    assert (process.returncode, stdout, stderr) == (0, "a  b > c\n", "")
    with pytest.raises(AssertionError, match="it is broken"):
        _exec_shell_cmd(["sh", "-c", "exit 3"], "it is broken")
    assert _exec_shell_cmd("false", "no", assert_if_fail=False)[0].returncode == 1


class Holder:
    process = out_stream = err_stream = None


def test_a_command_shows_its_process_to_others():
    holder = Holder()
    process, _, _ = _exec_shell_cmd("echo hi", "no", process_obj_holder=holder, env=os.environ)
    assert (holder.process, holder.out_stream, holder.err_stream) == (process, "hi\n", "")


@pytest.mark.parametrize(
    ("target_type", "labels", "command"),
    [
        (
            "binary",
            ["it's no", "yes"],
            "drum --positive-class-label yes --negative-class-label 'it'\"'\"'s no'",
        ),
        ("binary", None, "drum --positive-class-label yes --negative-class-label no"),
        ("multiclass", ["a b", "c"], "drum --class-labels 'a b' c"),
        ("multilabel", ["a", "c"], "drum --class-labels a c"),
        (TargetType.REGRESSION, ["a"], "drum"),
    ],
)
def test_labels_on_a_command_line(target_type, labels, command: str):
    assert _cmd_add_class_labels("drum", labels, target_type) == command


def test_labels_in_a_file_and_in_variables(tmp_path: Path):
    with (tmp_path / "labels").open("w") as file:
        command = _cmd_add_class_labels("drum", ["a", "b"], "multiclass", file)
    assert command == f"drum {ArgumentsOptions.CLASS_LABELS_FILE} {file.name}"
    assert (tmp_path / "labels").read_text() == "a\nb"
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"what was there before")
        _cmd_add_class_labels("drum", ["ä", "b"], "multiclass", multiclass_label_file=file)
        assert Path(file.name).read_text(encoding="utf-8") == "ä\nb"
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as file:
        _cmd_add_class_labels("drum", ["ä", "b"], "multiclass", multiclass_label_file=file)
        assert Path(file.name).read_text(encoding="utf-8") == "ä\nb"
    with patch.dict(os.environ):
        _cmd_add_class_labels("drum", ["n", "y"], "binary", pass_args_as_env_vars=True)
        assert os.environ["POSITIVE_CLASS_LABEL"] == "y"
        assert os.environ["NEGATIVE_CLASS_LABEL"] == "n"

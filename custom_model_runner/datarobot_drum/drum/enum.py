"""The vocabulary: one spelling for everything that has a name outside this package."""

from __future__ import annotations

from enum import Enum
from typing import Final

MODEL_CONFIG_FILENAME: Final = "model-metadata.yaml"
CUSTOM_FILE_NAME: Final = "custom"
REGRESSION_PRED_COLUMN: Final = "Predictions"
X_TRANSFORM_KEY: Final = "X.transformed"
Y_TRANSFORM_KEY: Final = "y.transformed"


class ArgumentsOptions:
    """Sub-commands and long options, as typed on the command line."""

    MAIN_COMMAND: Final = "drum"

    SCORE: Final = "score"
    SERVER: Final = "server"
    FIT: Final = "fit"
    VALIDATION: Final = "validation"
    PERF_TEST: Final = "perf-test"
    NEW: Final = "new"
    NEW_MODEL: Final = "model"
    PUSH: Final = "push"

    ADDRESS: Final = "--address"
    ALLOW_DR_API_ACCESS: Final = "--allow-dr-api-access"
    API_TOKEN: Final = "--api-token"
    CLASS_LABELS: Final = "--class-labels"
    CLASS_LABELS_FILE: Final = "--class-labels-file"
    CODE_DIR: Final = "--code-dir"
    CONTENT_TYPE: Final = "--content-type"
    DEPLOYMENT_CONFIG: Final = "--deployment-config"
    DEPLOYMENT_ID: Final = "--deployment-id"
    DOCKER: Final = "--docker"
    GPU_PREDICTOR: Final = "--gpu-predictor"
    INPUT: Final = "--input"
    LANGUAGE: Final = "--language"
    LAZY_LOADING_FILE: Final = "--lazy-loading-file"
    LOGGING_LEVEL: Final = "--logging-level"
    MAX_WORKERS: Final = "--max-workers"
    MEMORY: Final = "--memory"
    MODEL_ID: Final = "--model-id"
    MONITOR: Final = "--monitor"
    MONITOR_EMBEDDED: Final = "--monitor-embedded"
    MONITOR_SETTINGS: Final = "--monitor-settings"
    NEGATIVE_CLASS_LABEL: Final = "--negative-class-label"
    OUTPUT: Final = "--output"
    POSITIVE_CLASS_LABEL: Final = "--positive-class-label"
    PRODUCTION: Final = "--production"
    QUERY: Final = "--query"
    RUNTIME_PARAMS_FILE: Final = "--runtime-params-file"
    SHOW_PERF: Final = "--show-perf"
    SHOW_STACKTRACE: Final = "--show-stacktrace"
    SIDECAR: Final = "--sidecar"
    SKIP_DEPS_INSTALL: Final = "--skip-deps-install"
    SKIP_PREDICT: Final = "--skip-predict"
    SPARSE_COLFILE: Final = "--sparse-column-file"
    TARGET_TYPE: Final = "--target-type"
    TRITON_GRPC_PORT: Final = "--triton-grpc-port"
    TRITON_HOST: Final = "--triton-host"
    TRITON_HTTP_PORT: Final = "--triton-http-port"
    USER_SECRETS_MOUNT_PATH: Final = "--user-secrets-mount-path"
    USER_SECRETS_PREFIX: Final = "--user-secrets-prefix"
    VERBOSE: Final = "--verbose"
    WEBSERVER_SERVER: Final = "--webserver"
    WITH_ERROR_SERVER: Final = "--with-error-server"


class ArgumentOptionsEnvVars:
    """Variables that stand in for options of the command line."""

    ADDRESS: Final = "ADDRESS"
    ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS: Final = "ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS"
    CLASS_LABELS: Final = "CLASS_LABELS"
    CLASS_LABELS_FILE: Final = "CLASS_LABELS_FILE"
    CODE_DIR: Final = "CODE_DIR"
    DEPLOYMENT_CONFIG: Final = "DEPLOYMENT_CONFIG"
    LAZY_LOADING_FILE: Final = "LAZY_LOADING_FILE"
    MAX_WORKERS: Final = "MAX_WORKERS"
    MONITOR: Final = "MONITOR"
    MONITOR_EMBEDDED: Final = "MLOPS_REPORTING_FROM_UNSTRUCTURED_MODELS"
    NEGATIVE_CLASS_LABEL: Final = "NEGATIVE_CLASS_LABEL"
    POSITIVE_CLASS_LABEL: Final = "POSITIVE_CLASS_LABEL"
    PRODUCTION: Final = "PRODUCTION"
    RUNTIME_PARAMS_FILE: Final = "RUNTIME_PARAMS_FILE"
    SHOW_STACKTRACE: Final = "SHOW_STACKTRACE"
    SKIP_PREDICT: Final = "SKIP_PREDICT"
    TARGET_TYPE: Final = "TARGET_TYPE"
    USER_SECRETS_MOUNT_PATH: Final = "USER_SECRETS_MOUNT_PATH"
    USER_SECRETS_PREFIX: Final = "USER_SECRETS_PREFIX"
    WITH_ERROR_SERVER: Final = "WITH_ERROR_SERVER"

    VALUE_VARS: Final = (
        TARGET_TYPE,
        CODE_DIR,
        NEGATIVE_CLASS_LABEL,
        POSITIVE_CLASS_LABEL,
        CLASS_LABELS_FILE,
        CLASS_LABELS,
        ADDRESS,
        MAX_WORKERS,
        DEPLOYMENT_CONFIG,
        USER_SECRETS_PREFIX,
        USER_SECRETS_MOUNT_PATH,
    )
    BOOL_VARS: Final = (
        WITH_ERROR_SERVER,
        SHOW_STACKTRACE,
        PRODUCTION,
        MONITOR,
        MONITOR_EMBEDDED,
        SKIP_PREDICT,
        ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS,
    )


class ModelMetadataKeys:
    """Top-level keys of ``model-metadata.yaml``."""

    NAME: Final = "name"
    TYPE: Final = "type"
    TARGET_TYPE: Final = "targetType"
    ENVIRONMENT_ID: Final = "environmentID"
    VALIDATION: Final = "validation"
    MODEL_ID: Final = "modelID"
    DESCRIPTION: Final = "description"
    MAJOR_VERSION: Final = "majorVersion"
    INFERENCE_MODEL: Final = "inferenceModel"
    TRAINING_MODEL: Final = "trainingModel"
    HYPERPARAMETERS: Final = "hyperparameters"
    VALIDATION_SCHEMA: Final = "typeSchema"
    INPUT_SCHEMA: Final = "inputSchema"
    CUSTOM_PREDICTOR: Final = "customPredictor"
    RUNTIME_PARAMETERS: Final = "runtimeParameterDefinitions"
    USER_CREDENTIAL_SPECIFICATIONS: Final = "userCredentialSpecifications"
    LAZY_LOADING: Final = "lazyLoading"


class ModelInfoKeys:
    """Keys of ``/info/``."""

    CODE_DIR: Final = "codeDir"
    TARGET_TYPE: Final = "targetType"
    PREDICTOR: Final = "predictor"
    LANGUAGE: Final = "language"
    DRUM_VERSION: Final = "drumVersion"
    DRUM_SERVER: Final = "drumServer"
    MODEL_METADATA: Final = "modelMetadata"
    POSITIVE_CLASS_LABEL: Final = "positiveClassLabel"
    NEGATIVE_CLASS_LABEL: Final = "negativeClassLabel"
    CLASS_LABELS: Final = "classLabels"

    REQUIRED: Final = (CODE_DIR, TARGET_TYPE, LANGUAGE, DRUM_VERSION, DRUM_SERVER)


class PredictionServerMimetypes:
    """Content types of requests and answers."""

    APPLICATION_JSON: Final = "application/json"
    APPLICATION_OCTET_STREAM: Final = "application/octet-stream"
    TEXT_PLAIN: Final = "text/plain"
    TEXT_MTX: Final = "text/mtx"
    TEXT_CSV: Final = "text/csv"
    EMPTY: Final = ""


class ExitCodes(Enum):
    """Exit codes of a command that mean something of their own."""

    SCHEMA_VALIDATION_ERROR = 3


class RunMode(Enum):
    """The commands."""

    SCORE = "score"
    SERVER = "server"
    PERF_TEST = "perf-test"
    VALIDATION = "validation"
    FIT = "fit"
    NEW = "new"
    PUSH = "push"
    NEW_MODEL = "new_model"


class EnvVarNames:
    """Variables of predictors in other languages, and of test-suites that chat."""

    DRUM_JAVA_XMX: Final = "DRUM_JAVA_XMX"
    DRUM_JAVA_CUSTOM_PREDICTOR_CLASS: Final = "DRUM_JAVA_CUSTOM_PREDICTOR_CLASS"
    DRUM_JAVA_CUSTOM_CLASS_PATH: Final = "DRUM_JAVA_CUSTOM_CLASS_PATH"
    OPENAI_HOST: Final = "OPENAI_HOST"
    OPENAI_PORT: Final = "OPENAI_PORT"


class TargetType(Enum):
    """What a model predicts; the order is that of ``--target-type``."""

    BINARY = "binary"
    REGRESSION = "regression"
    ANOMALY = "anomaly"
    UNSTRUCTURED = "unstructured"
    MULTICLASS = "multiclass"
    TRANSFORM = "transform"
    TEXT_GENERATION = "textgeneration"
    GEO_POINT = "geopoint"
    VECTOR_DATABASE = "vectordatabase"
    AGENTIC_WORKFLOW = "agenticworkflow"
    MULTILABEL = "multilabel"

    def is_classification(self) -> bool:
        return self in (TargetType.BINARY, TargetType.MULTICLASS, TargetType.MULTILABEL)

    def is_single_column(self) -> bool:
        return self in (
            TargetType.REGRESSION,
            TargetType.ANOMALY,
            TargetType.TEXT_GENERATION,
            TargetType.GEO_POINT,
            TargetType.VECTOR_DATABASE,
            TargetType.AGENTIC_WORKFLOW,
        )


class RunLanguage(Enum):
    PYTHON = "python"
    R = "r"
    JAVA = "java"
    OTHER = "other"


class ServerType(str, Enum):
    """The servers that ``DRUM_SERVER_TYPE`` can name."""

    FLASK = "flask"
    GUNICORN = "gunicorn"
    FASTAPI = "fastapi"


class CustomHooks:
    """Functions that are picked up from ``custom.py`` by name."""

    INIT: Final = "init"
    READ_INPUT_DATA: Final = "read_input_data"
    LOAD_MODEL: Final = "load_model"
    TRANSFORM: Final = "transform"
    SCORE: Final = "score"
    SCORE_UNSTRUCTURED: Final = "score_unstructured"
    POST_PROCESS: Final = "post_process"
    FIT: Final = "fit"
    CHAT: Final = "chat"
    GET_SUPPORTED_LLM_MODELS: Final = "get_supported_llm_models"

    ALL: Final = (
        INIT,
        READ_INPUT_DATA,
        LOAD_MODEL,
        TRANSFORM,
        SCORE,
        SCORE_UNSTRUCTURED,
        POST_PROCESS,
        FIT,
        CHAT,
        GET_SUPPORTED_LLM_MODELS,
    )

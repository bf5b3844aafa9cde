"""Folders that cannot be loaded, and what is told of each."""

from __future__ import annotations

import pickle

from tests.contract.folders import NEEDS_TARGET_NAME, YES_NO

Failure = tuple[dict[str, str | bytes], tuple[str, ...], str]
LOADING = "ERROR: An error occurred when loading your artifact: "
LOAD_MODEL = "def load_model(code_dir):\n    return 1\n"
REGRESSION = ("--target-type", "regression")
A_DICT = pickle.dumps({})
SCORE = "def score(data, model, **kwargs):\n    return data\n"
NO_TARGET_NAME: dict[str, Failure] = {
    f"no target name for {target_type}": (
        {"custom.py": LOAD_MODEL + SCORE},
        ("--target-type", target_type),
        "ERROR: Unexpected empty target name for text generation, vector database, or agentic "
        "workflow target.",
    )
    for target_type in NEEDS_TARGET_NAME
}
# Name -> files, options, the beginning of the message (``…`` skips some of it).
START_FAILURES = NO_TARGET_NAME | {
    "nothing": (
        {"README.md": ""},
        REGRESSION,
        "ERROR: Can not detect language by artifacts and/or custom.py/R files.\n"
        "Detected: language by artifacts - None; language by custom - None.",
    ),
    "no artifact": (
        {"custom.py": "def transform(data, model):\n    return data\n"},
        REGRESSION,
        LOADING + "\n\nRunning environment language: Python.\n"
        "Could not find model artifact file in:…supported by default predictors.\n"
        "They support filenames with the following extensions",
    ),
    "two artifacts": (
        {"a.pkl": A_DICT, "b.pkl": A_DICT},
        REGRESSION,
        LOADING + "…Multiple serialized model files found. Remove extra artifacts or "
        "overwrite custom.load_model()\nList of retrieved files are:",
    ),
    "unknown object": (
        {"a.pkl": A_DICT},
        REGRESSION,
        LOADING + "…Could not find any framework to handle loaded model and a score hook is "
        "not provided",
    ),
    "broken artifact": ({"a.pkl": b"not a pickle"}, REGRESSION, LOADING),
    "load_model returns None": (
        {"custom.py": "def load_model(code_dir):\n    pass\n" + SCORE},
        REGRESSION,
        LOADING + "'load_model' hook failed to load model, None is returned.",
    ),
    "import error": (
        {"custom.py": "import a_module_that_is_missing\n"},
        REGRESSION,
        "ERROR: \n\nRunning environment language: Python.\nFailed loading hooks from […] : "
        "No module named 'a_module_that_is_missing'",
    ),
    "error in custom.py": (
        {"custom.py": "raise KeyError('odd')\n"},
        REGRESSION,
        "ERROR: …'odd'",
    ),
    "error in init": (
        {"custom.py": "def init(**kwargs):\n    raise ValueError('bad init')\n" + LOAD_MODEL},
        REGRESSION,
        "ERROR: …bad init",
    ),
    "sys.exit in custom.py": (
        {"custom.py": "import sys\nsys.exit('stop')\n" + LOAD_MODEL + SCORE},
        REGRESSION,
        "ERROR: …stop",
    ),
    "sys.exit in load_model": (
        {"custom.py": "def load_model(code_dir):\n    raise SystemExit('stop')\n" + SCORE},
        REGRESSION,
        LOADING + "'load_model' hook failed to load the model. Exception: SystemExit('stop')",
    ),
    "panic in load_model": (
        {"custom.py": "def load_model(code_dir):\n    raise BaseException('stop')\n" + SCORE},
        REGRESSION,
        LOADING + "'load_model' hook failed to load the model. Exception: BaseException('stop')",
    ),
    "two custom.py": (
        {"a/custom.py": SCORE, "b/custom.py": SCORE, "m.pkl": A_DICT},
        REGRESSION,
        "ERROR: Found too many custom hook files: [",
    ),
    "no target type": (
        {"custom.py": LOAD_MODEL + SCORE},
        (),
        "ERROR: Target type is missing. It must be provided in --target-type argument, "
        "TARGET_TYPE env var or model config file.",
    ),
    "no binary labels": (
        {"custom.py": LOAD_MODEL + SCORE},
        ("--target-type", "binary"),
        "ERROR: Positive/negative class labels are missing. They must be provided with either "
        "one: --positive-class-label/--negative-class-label arguments, environment variables, "
        "model config file.",
    ),
    "no class labels": (
        {"custom.py": LOAD_MODEL + SCORE},
        ("--target-type", "multilabel"),
        "ERROR: Class labels are missing. They must be provided with either one: "
        "--class-labels/--class-labels-file arguments, environment variables, "
        "model config file.",
    ),
    "no unstructured hook": (
        {"custom.py": LOAD_MODEL},
        ("--target-type", "unstructured"),
        "ERROR: In 'unstructured' mode hook 'score_unstructured' must be provided.",
    ),
    "no transform hook": (
        {"custom.py": LOAD_MODEL},
        ("--target-type", "transform"),
        "ERROR: …A transform task requires a user-defined transform hook for non-sklearn "
        "transformers",
    ),
    "other target type in the metadata": (
        {
            "custom.py": LOAD_MODEL + SCORE,
            "model-metadata.yaml": "name: n\ntype: inference\ntargetType: anomaly\n",
        },
        REGRESSION,
        "ERROR: Target type provided in --target-type argument doesn't match target type from "
        "model config file. Use either one of them or make them match.",
    ),
    "other labels in the metadata": (
        {
            "custom.py": LOAD_MODEL + SCORE,
            "model-metadata.yaml": "name: n\ntype: inference\ntargetType: binary\n"
            "inferenceModel:\n  positiveClassLabel: a\n  negativeClassLabel: b\n",
        },
        ("--target-type", "binary", *YES_NO),
        "ERROR: Positive/negative class labels provided with command arguments or environment "
        "variable don't match values from model config file. Use either one of them or make "
        "them match.",
    ),
    "unknown target type in the metadata": (
        {
            "custom.py": LOAD_MODEL + SCORE,
            "model-metadata.yaml": "name: n\ntype: inference\ntargetType: foo\n",
        },
        (),
        "ERROR: 'foo' is not a valid TargetType",
    ),
    "unknown key in the metadata": (
        {
            "custom.py": LOAD_MODEL + SCORE,
            "model-metadata.yaml": "name: n\ntype: inference\ntargetType: regression\nfoo: 1\n",
        },
        (),
        "ERROR: …foo",
    ),
}

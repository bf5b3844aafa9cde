"""Model folders for tests: write one, load it, predict with it."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.local import LocalPredictor, build_predictor
from datarobot_drum.drum.model.predictor import Predictions, RowSource
from datarobot_drum.drum.settings import ModelSettings

LOAD_MODEL = "def load_model(code_dir):\n    return 'the model'\n"
IMPORTS = "import numpy as np\nimport pandas as pd\n"

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})


def write_folder(
    folder: Path,
    custom: str | None = None,
    *,
    metadata: str | None = None,
    **artifacts: Any,
) -> Path:
    """Fill a folder. ``model_pkl=obj`` pickles ``obj`` into ``model.pkl``; bytes stay bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    if custom is not None:
        text = IMPORTS + LOAD_MODEL + textwrap.dedent(custom)
        (folder / "custom.py").write_text(text)
    if metadata is not None:
        (folder / "model-metadata.yaml").write_text(textwrap.dedent(metadata))
    for name, content in artifacts.items():
        stem, _, extension = name.rpartition("_")
        data = content if isinstance(content, bytes) else pickle.dumps(content)
        (folder / f"{stem}.{extension}").write_bytes(data)
    return folder


def load(folder: Path, target_type: str | None = None, **settings: Any) -> LocalPredictor:
    kind = TargetType(target_type) if target_type else None
    if kind is TargetType.BINARY and "positive_class_label" not in settings:
        settings |= {"positive_class_label": "yes", "negative_class_label": "no"}
    return build_predictor(ModelSettings(str(folder), kind, **settings))


def predict(predictor: LocalPredictor, rows: Any = ROWS, **source: Any) -> Predictions:
    return predictor.predict(rows, RowSource(**source))


def records(predictions: Predictions) -> list[dict[str, Any]]:
    """The predictions as a client reads them: by name."""
    return pd.DataFrame(predictions.values, columns=list(predictions.columns)).to_dict("records")

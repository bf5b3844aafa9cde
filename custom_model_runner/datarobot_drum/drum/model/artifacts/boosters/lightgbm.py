"""LightGBM: a ``Booster``, from a pickle or its own text file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Merge, is_a
from datarobot_drum.drum.model.artifacts.boosters.classes import (
    both_columns,
    no_probabilities,
    numbered_classes,
)
from datarobot_drum.drum.model.artifacts.boosters.columns import lightgbm_columns
from datarobot_drum.drum.model.artifacts.own_code import is_of
from datarobot_drum.drum.model.predictor import ClassLabels, Dense

_OBJECTIVE: Final = re.compile(r"^objective=(\S+)", re.MULTILINE)
# Least squares of zeros and ones estimate a probability; their output is checked as any is.
_OF_CLASSES: Final = ("binary", "cross_entropy", "multiclass", "multiclassova", "regression")


class BoosterModel(ArtifactModel):
    """A booster knows no labels, only numbers of classes.

    Where training stopped early it predicts up to the best iteration, which is all that its
    text file keeps.
    """

    merge = Merge.WHOLE
    dense = Dense.IN_PIECES

    def __init__(
        self, booster: Any, target_type: TargetType, labels: ClassLabels | None = None
    ) -> None:
        self._booster = booster
        self.columns = lightgbm_columns(booster)
        self.own_code = is_of(booster, ("lightgbm",))
        self.names: tuple[str, ...] | None = None
        if target_type.is_classification():
            found = _OBJECTIVE.search(booster.model_to_string(num_iteration=1))
            # A model that was trained with a function of the user's own has no objective.
            objective = found[1] if found else "custom"
            if objective not in _OF_CLASSES:
                raise no_probabilities("LightGBM", objective)
            self.names = numbered_classes(labels)

    def predict(self, data: Any) -> Any:
        count = len(self._booster.pandas_categorical or ())
        if count and not self.columns.categories:
            _check_categories(data, count)
        values = self._booster.predict(data)
        return both_columns(values) if self.names is not None else values


def _check_categories(data: Any, count: int) -> None:
    """Raises ValueError: the rows do not have as many pandas categories as the model."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        given = sum(isinstance(dtype, pd.CategoricalDtype) for dtype in data.dtypes)
        if given != count:
            raise ValueError(
                f"The LightGBM model does not tell which columns are its {count} pandas "
                f"categories, and the rows have {given}. Train it with categories without an "
                "order, or make them in a 'transform' hook."
            )


class LightGBMReader:
    framework: ClassVar[str] = "lightgbm"
    package: ClassVar[str] = "lightgbm"
    modules: ClassVar[tuple[str, ...]] = ("lightgbm",)
    extensions: ClassVar[tuple[str, ...]] = (".txt",)

    def load(self, path: Path) -> Any:
        import lightgbm

        return lightgbm.Booster(model_file=str(path))

    def recognises(self, model: Any) -> bool:
        return is_a(model, "lightgbm", "Booster")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return BoosterModel(model, target_type, labels)

"""The models that are served: small enough that the server's own cost shows, and one that works."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@dataclass(frozen=True)
class Model:
    """A model folder to be made, and rows for it. ``method`` is the one of scikit-learn."""

    name: str
    title: str
    target_type: str
    method: str
    fit: Callable[[], Any]
    table: Callable[[], pd.DataFrame]
    classes: tuple[str, ...] = ()

    def train(self, folder: Path) -> Path:
        """Write the artifact; return its path."""
        path = folder / "model.pkl"
        path.write_bytes(pickle.dumps(self.fit()))
        return path

    def rows(self, count: int) -> pd.DataFrame:
        """The first ``count`` rows, repeated where there are not as many."""
        import pandas as pd

        table = self.table()
        return pd.concat([table] * (count // len(table) + 1), ignore_index=True).head(count)

    @property
    def options(self) -> list[str]:
        """Of `drum server`."""
        labels = ["--class-labels", *self.classes] if self.classes else []
        return ["--target-type", self.target_type, *labels]


def _diabetes() -> Any:
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True, as_frame=True)


def _linear() -> Any:
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LinearRegression()).fit(*_diabetes())


def _trees() -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(n_estimators=100, random_state=0).fit(*_diabetes())


def _penguin_example() -> Any:
    folder = str(EXAMPLES / "penguins_multiclass")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import train

    return train


def _penguin_table() -> Any:
    from palmerpenguins import load_penguins

    example = _penguin_example()
    return load_penguins()[example.NUMBERS + example.CATEGORIES]


def _penguins() -> Any:
    from palmerpenguins import load_penguins

    return _penguin_example().build().fit(_penguin_table(), load_penguins()["species"])


MODELS = {
    model.name: model
    for model in (
        Model(
            "linear",
            "linear pipeline, diabetes",
            "regression",
            "predict",
            _linear,
            lambda: _diabetes()[0],
        ),
        Model(
            "trees",
            "gradient boosting, 100 trees, diabetes",
            "regression",
            "predict",
            _trees,
            lambda: _diabetes()[0],
        ),
        Model(
            "penguins",
            "ColumnTransformer pipeline, penguins",
            "multiclass",
            "predict_proba",
            _penguins,
            _penguin_table,
            ("Adelie", "Chinstrap", "Gentoo"),
        ),
    )
}

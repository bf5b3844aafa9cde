"""Model folders, made when a test first asks for them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.contract import hooks

Pairs = tuple[tuple[str, str], ...]
Files = Mapping[str, str] | Mapping[str, bytes] | Mapping[str, str | bytes]


@dataclass(frozen=True)
class Folder:
    """A model folder and how it is served. ``model`` is what its artifact holds."""

    path: Path
    args: tuple[str, ...] = ()
    env: Pairs = ()
    params: Pairs = ()
    model: Any = field(default=None, compare=False)

    @property
    def prefix(self) -> str:
        return dict(self.env).get("URL_PREFIX", "")

    @property
    def environment(self) -> dict[str, str]:
        """All variables, runtime parameters among them."""
        params = {f"MLOPS_RUNTIME_PARAM_{name}": value for name, value in self.params}
        return dict(self.env) | params

    def with_args(self, *args: str) -> Folder:
        return replace(self, args=self.args + args)

    def with_env(self, **env: str) -> Folder:
        return replace(self, env=self.env + tuple(env.items()))

    def with_params(self, **params: str) -> Folder:
        return replace(self, params=self.params + tuple(params.items()))

    def of_type(self, target_type: str, *args: str) -> Folder:
        return self.with_args("--target-type", target_type, *args)


YES_NO = ("--positive-class-label", "yes", "--negative-class-label", "no")
NEEDS_TARGET_NAME = ("textgeneration", "vectordatabase", "agenticworkflow")


class Folders:
    """Every folder of the suite. ``root`` is a directory that this object has for itself."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def make(self, name: str, files: Files, model: Any = None) -> Folder:
        path = self._root / name
        for file_name, content in files.items():
            target = path / file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return Folder(path.resolve(), model=model)

    def with_model(self, name: str, model: Any, *args: str) -> Folder:
        folder = self.make(name, {"model.pkl": pickle.dumps(model)}, model)
        return folder.with_args(*args)

    # -- artifacts only: columns a and b

    @cached_property
    def regression(self) -> Folder:
        from sklearn.linear_model import LinearRegression

        frame, target = training_data(lambda a, b: 3 * a - b / 7)
        model = LinearRegression().fit(frame, target)
        return self.with_model("regression", model, "--target-type", "regression")

    @cached_property
    def anomaly(self) -> Folder:
        from sklearn.ensemble import IsolationForest

        frame, _ = training_data(lambda a, b: a)
        model = IsolationForest(n_estimators=5, random_state=0).fit(frame)
        return self.with_model("anomaly", model, "--target-type", "anomaly")

    @cached_property
    def binary(self) -> Folder:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        frame, target = training_data(lambda a, b: "yes" if a > b else "no")
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, target)
        return self.with_model("binary", model, "--target-type", "binary", *YES_NO)

    @cached_property
    def multiclass(self) -> Folder:
        from sklearn.tree import DecisionTreeClassifier

        frame, target = training_data(lambda a, b: "low" if a < 3 else "mid" if b < 5 else "top")
        model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(frame, target)
        labels = ("--class-labels", "top", "low", "mid")
        return self.with_model("multiclass", model, "--target-type", "multiclass", *labels)

    # -- hooks that do what the data says

    @cached_property
    def echo(self) -> Folder:
        """Returns the columns ``out:…`` of the data. Without a target type."""
        return self.make("echo", {"custom.py": hooks.ECHO})

    def echo_of(self, target_type: str) -> Folder:
        """The echo as a model of any structured type, with three labels where labels are due."""
        folder = self.echo.of_type(target_type)
        if target_type == "binary":
            return folder.with_args(*YES_NO)
        if target_type in ("multiclass", "multilabel"):
            return folder.with_args("--class-labels", "a", "b", "c")
        if target_type in NEEDS_TARGET_NAME:
            return folder.with_env(TARGET_NAME="answer")
        return folder

    @cached_property
    def all_hooks(self) -> Folder:
        return self.make("all_hooks", {"custom.py": hooks.ALL_HOOKS}).of_type("regression")


def training_data(rule: Callable[[float, float], Any]) -> tuple[Any, list[Any]]:
    """Sixty rows of the columns a and b, and the rule's value of each."""
    import numpy as np
    import pandas as pd

    numbers = np.random.default_rng(0).uniform(0, 10, size=(60, 2))
    return pd.DataFrame(numbers, columns=["a", "b"]), [rule(a, b) for a, b in numbers]

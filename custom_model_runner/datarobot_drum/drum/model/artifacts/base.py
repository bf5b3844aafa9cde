"""What every framework's reader offers, and how an object's framework is recognised.

Nothing here imports a framework: a model is recognised by the names of its classes, so a
folder only needs the framework that it uses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.columns import UNKNOWN, InputColumns
from datarobot_drum.drum.model.predictor import ClassLabels, Dense


class Merge(Enum):
    """How rows of several requests may share a call without changing a digit of an answer.

    Sums of products do not qualify: BLAS takes another kernel, and so another order of
    adding, for another number of rows.
    """

    NEVER = "never"
    WHOLE = "whole"
    LAST_STEP_APART = "last step apart"


class ArtifactModel(ABC):
    """A framework's model, ready to predict.

    Attributes:
        names: the classes in the order of the output columns, when the model knows them.
        columns: what it remembers of the columns it was fitted on; ``predict`` gets a frame with
            them, in its order.
        merge: how ``predict_merged`` may be used.
        own_code: only the framework's code predicts, none of the user's.
        dense: what it makes of sparse rows.
    """

    names: tuple[str, ...] | None = None
    columns: InputColumns = UNKNOWN
    merge: Merge = Merge.NEVER
    own_code: bool = False
    dense: Dense = Dense.NEVER

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        """The columns for which ``predict`` takes a float64 array as well as a frame."""
        return None

    def categories(self) -> Mapping[str, Collection[Any]]:
        """Column -> the values that it may have, where the model refuses others. Of use in the
        text of an error only: it may take its time.
        """
        return {}

    @abstractmethod
    def predict(self, data: Any) -> Any:
        """Rows in, array of shape (rows,) or (rows, columns) out. Raises what it raises."""

    def predict_merged(self, data: Any, row_counts: Sequence[int]) -> Any:
        """Predict the rows of several requests, each as if it had come alone.

        Args:
            row_counts: rows of each request, in order; their sum is the rows of ``data``.
        """
        return self.predict(data)


@dataclass(frozen=True, slots=True)
class SavedModel:
    """What a file held, with what lay beside it: the model itself does not know.

    Attributes:
        model: the framework's own object, which hooks get.
        around: makes of the adapted model one that minds what lay beside it.
    """

    model: Any
    around: Callable[[ArtifactModel, TargetType], ArtifactModel]


def bare(loaded: Any) -> Any:
    """The framework's own object of what a reader loaded."""
    return loaded.model if isinstance(loaded, SavedModel) else loaded


class Reader(Protocol):
    """One framework.

    Attributes:
        framework: as ``/info/`` shows it.
        package: what ``pip install`` takes.
        modules: top-level modules that belong to it.
        extensions: the files it loads, lower case.
    """

    framework: ClassVar[str]
    package: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]
    extensions: ClassVar[tuple[str, ...]]

    def load(self, path: Path) -> Any:
        """The object that the file holds, or a ``SavedModel`` of it; raises what the framework
        raises, and ``ModelLoadError`` with a text of its own.
        """

    def recognises(self, model: Any) -> bool: ...

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel: ...


def is_a(model: Any, module: str, name: str) -> bool:
    """Tell whether ``model`` is an instance of class ``name`` of top-level module ``module``."""
    return any(
        cls.__name__ == name and cls.__module__.partition(".")[0] == module
        for cls in type(model).__mro__
    )


def last_step(model: Any) -> Any:
    """The final estimator of a scikit-learn pipeline; any other object as it is."""
    return model.steps[-1][1] if is_a(model, "sklearn", "Pipeline") else model

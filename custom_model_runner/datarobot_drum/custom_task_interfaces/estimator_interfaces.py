"""Tasks that predict, one class for each kind of target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datarobot_drum.custom_task_interfaces.custom_task_interface import CustomTaskInterface

if TYPE_CHECKING:
    import pandas as pd


class EstimatorInterface(CustomTaskInterface):
    """A task with a ``predict``."""

    def predict(self, X: pd.DataFrame, **kwargs: Any) -> Any:  # noqa: N803
        """Predict rows: a DataFrame with the one column ``Predictions``."""
        raise NotImplementedError


class RegressionEstimatorInterface(EstimatorInterface):
    """Predicts numbers."""


class AnomalyEstimatorInterface(EstimatorInterface):
    """Predicts how anomalous rows are."""


class BinaryEstimatorInterface(EstimatorInterface):
    """Predicts the probabilities of two classes."""

    def predict(self, X: pd.DataFrame, **kwargs: Any) -> Any:  # noqa: N803
        """Not called by the runner; classifiers predict by ``predict_proba``."""
        return None

    def predict_proba(self, X: pd.DataFrame, **kwargs: Any) -> pd.DataFrame:  # noqa: N803
        """Predict rows: a DataFrame with a column for each class, named by its label."""
        raise NotImplementedError


class MulticlassEstimatorInterface(BinaryEstimatorInterface):
    """Predicts the probabilities of several classes."""

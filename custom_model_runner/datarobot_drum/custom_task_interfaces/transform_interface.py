"""Tasks that turn rows into other rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datarobot_drum.custom_task_interfaces.custom_task_interface import CustomTaskInterface

if TYPE_CHECKING:
    import pandas as pd


class TransformerInterface(CustomTaskInterface):
    """Transforms features."""

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        """Transform rows: a DataFrame with as many rows as ``X``."""
        raise NotImplementedError

"""Probabilities of boosted trees: which objectives give them, and whose they are."""

from __future__ import annotations

from typing import Any

from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.model.labels import fold_label
from datarobot_drum.drum.model.predictor import ClassLabels


def numbered_classes(labels: ClassLabels | None) -> tuple[str, ...] | None:
    """The classes in the model's order, for models whose classes are 0, 1, 2 … by definition.

    Returns:
        The labels by their numbers when they are these numbers, or what is the same as these
        (``no`` and ``yes``); None when they are other words, which such a model takes by position.
    """
    if labels is None:
        return None
    count = len(labels.names)
    by_number = {fold_label(label): label for label in labels.names}
    if by_number.keys() != {float(number) for number in range(count)}:
        return None
    return tuple(by_number[float(number)] for number in range(count))


def both_columns(values: Any) -> Any:
    """One probability for each row, of the second of two classes -> one for each class."""
    import numpy as np

    one = values.ndim == 1 or values.shape[1] == 1
    return np.vstack((1 - values.ravel(), values.ravel())).T if one else values


def no_probabilities(framework: str, objective: str) -> ModelLoadError:
    """What to raise when a classification model was trained for something else."""
    return ModelLoadError(
        f"The {framework} model was trained with the objective '{objective}', which does not give "
        "probabilities of classes. Serve it with target type regression, or turn its output into "
        "probabilities in a 'score' hook."
    )

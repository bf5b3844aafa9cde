"""Class labels: where they come from, and which column of a model is which label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError, StartupError
from datarobot_drum.drum.model.inside import is_inside, outside
from datarobot_drum.drum.model.metadata import inference_section
from datarobot_drum.drum.model.predictor import ClassLabels
from datarobot_drum.drum.utils.truth import truth

Folded: TypeAlias = float | str

_MISMATCH: Final = (
    "don't match values from model config file. Use either one of them or make them match."
)
_SOURCES: Final = "arguments, environment variables, model config file."


def resolve_labels(
    target_type: TargetType,
    metadata: Mapping[str, Any] | None,
    code_dir: str,
    *,
    positive: str | None = None,
    negative: str | None = None,
    class_labels: Sequence[str] | None = None,
    files_outside: bool = False,
) -> ClassLabels | None:
    """The labels of a classification model; None for the other target types.

    ``positive``, ``negative`` and ``class_labels`` come from the command line or its
    environment variables; the metadata is asked when they are absent and has to agree when
    they are not.

    Args:
        files_outside: the metadata's file of labels may lie outside of the folder.

    Raises:
        StartupError: labels are missing, too few, repeated, or differ between the sources.
    """
    if not target_type.is_classification():
        return None
    labels = given_labels(
        target_type,
        metadata,
        code_dir,
        positive=positive,
        negative=negative,
        class_labels=class_labels,
        files_outside=files_outside,
    )
    if labels is not None:
        return labels
    if target_type is TargetType.BINARY:
        raise StartupError(
            "Positive/negative class labels are missing. They must be provided with either one: "
            f"--positive-class-label/--negative-class-label {_SOURCES}"
        )
    raise StartupError(
        "Class labels are missing. They must be provided with either one: "
        f"--class-labels/--class-labels-file {_SOURCES}"
    )


def given_labels(
    target_type: TargetType,
    metadata: Mapping[str, Any] | None,
    code_dir: str,
    *,
    positive: str | None = None,
    negative: str | None = None,
    class_labels: Sequence[str] | None = None,
    files_outside: bool = False,
) -> ClassLabels | None:
    """As ``resolve_labels``, but None when no source gives labels (they may be inferred)."""
    section = inference_section(metadata)
    if target_type is TargetType.BINARY:
        return _binary(section, positive, negative)
    if target_type.is_classification():
        configured = _configured_labels(section, code_dir, files_outside)
        return _multiclass(configured, class_labels)
    return None


def _binary(
    section: Mapping[str, Any], positive: str | None, negative: str | None
) -> ClassLabels | None:
    option = (positive, negative)
    configured = (section.get("positiveClassLabel"), section.get("negativeClassLabel"))
    if None not in option and None not in configured and option != configured:
        raise StartupError(
            "Positive/negative class labels provided with command arguments or environment "
            f"variable {_MISMATCH}"
        )
    chosen_positive, chosen_negative = configured if None in option else option
    if chosen_positive is None or chosen_negative is None:
        return None
    _check_distinct((chosen_positive, chosen_negative))
    return ClassLabels((chosen_negative, chosen_positive), chosen_positive, chosen_negative)


def _multiclass(
    configured: Sequence[str], class_labels: Sequence[str] | None
) -> ClassLabels | None:
    if class_labels and configured and set(class_labels) != set(configured):
        raise StartupError(
            f"Class labels provided with command arguments or environment variable {_MISMATCH}"
        )
    chosen = class_labels or configured
    if not chosen:
        return None
    if len(chosen) < 2:
        raise StartupError("Multiclass classification requires at least 2 labels.")
    _check_distinct(chosen)
    return ClassLabels(tuple(chosen))


def _configured_labels(section: Mapping[str, Any], code_dir: str, files_outside: bool) -> list[str]:
    if "classLabelsFile" not in section:
        return list(section.get("classLabels", ()))
    name = section["classLabelsFile"]
    found = [path for path in (Path(code_dir, name), Path(name)) if path.is_file()]
    if not found:
        raise StartupError(f"classLabelsFile '{name}' is neither in the model folder nor here.")
    path = next((path for path in found if files_outside or is_inside(code_dir, path)), None)
    if path is None:
        raise StartupError(outside(f"classLabelsFile '{name}'"))
    labels = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    if len(labels) < 2:
        raise StartupError("multiclass classification requires at least 2 labels.")
    return [label.removesuffix("\r") for label in labels]


def _check_distinct(labels: Sequence[str]) -> None:
    repeated = [label for label, count in Counter(labels).items() if count > 1]
    if repeated:
        raise StartupError(f"Class labels must differ, but {repeated} are given more than once.")


def fold_label(label: str) -> Folded:
    """What two spellings of one label have in common.

    ``1``, ``1.0``, ``True`` and ``yes`` fold to 1.0; other text to lower case.
    """
    text = label.strip().lower()
    try:
        number = float(text)
    except ValueError:
        word = truth(text, f_is_false=False)
        return label.lower() if word is None else float(word)
    return text if number != number else number


@lru_cache(maxsize=256)
def align_columns(names: tuple[str, ...], labels: ClassLabels) -> tuple[str, ...]:
    """Name a model's columns with the requested spellings, in the model's order.

    Exact matches win; what is left is matched by folding.

    Args:
        names: the columns as the model names them; any number of them.

    Raises:
        ModelError: names and labels are not the same set, or some cannot be told apart.
    """
    exact = set(names) & set(labels.names)
    open_labels = _by_fold(label for label in labels.names if label not in exact)
    open_names = _by_fold(name for name in names if name not in exact)
    if open_labels.keys() != open_names.keys() or len(set(names)) != len(names):
        raise ModelError(_unexpected(names, labels))
    for group in (*open_labels.values(), *open_names.values()):
        if len(group) > 1:
            raise ModelError(
                f"Class labels {group} can not be told apart from columns {list(names)}: they "
                "differ only in case or in how a number is written. Spell labels and columns alike."
            )
    return tuple(name if name in exact else open_labels[fold_label(name)][0] for name in names)


def expected_columns(labels: ClassLabels) -> list[str]:
    """The labels as messages list them: the positive one first."""
    if labels.positive is not None and labels.negative is not None:
        return [labels.positive, labels.negative]
    return list(labels.names)


def _by_fold(texts: Iterable[str]) -> dict[Folded, list[str]]:
    groups: dict[Folded, list[str]] = {}
    for text in texts:
        groups.setdefault(fold_label(text), []).append(text)
    return groups


def _unexpected(names: tuple[str, ...], labels: ClassLabels) -> str:
    import pandas as pd

    return (
        f"Expected predictions to have columns {expected_columns(labels)}, "
        f"but encountered {pd.Index(list(names))}"
    )

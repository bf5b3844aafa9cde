"""A model folder -> a ``Predictor``: the steps of loading, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from datarobot_drum.drum.enum import CustomHooks, RunLanguage, TargetType
from datarobot_drum.drum.exceptions import ModelLoadError, StartupError
from datarobot_drum.drum.model.artifacts.base import is_a
from datarobot_drum.drum.model.artifacts.registry import find_reader, load_artifact
from datarobot_drum.drum.model.folder import detect_language
from datarobot_drum.drum.model.hooks import (
    LOADING_FAILED,
    PYTHON_ENVIRONMENT,
    Hooks,
    load_custom_module,
)
from datarobot_drum.drum.model.labels import resolve_labels
from datarobot_drum.drum.model.metadata import read_metadata, resolve_target_type
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.pipeline import LocalPredictor
from datarobot_drum.drum.model.predictor import ModelInfo
from datarobot_drum.drum.model.scorers import ArtifactScorer, HookScorer, NoScorer, Scorer
from datarobot_drum.drum.model.transforming import (
    EstimatorTransformer,
    HookTransformer,
    NoTransformer,
    Transformer,
)
from datarobot_drum.drum.settings import ModelSettings

__all__ = ["LocalPredictor", "build_predictor"]

# Rows of these types are predicted one by one, whichever rows lie beside them.
_ROW_WISE: Final = frozenset(
    {
        TargetType.REGRESSION,
        TargetType.BINARY,
        TargetType.MULTICLASS,
        TargetType.MULTILABEL,
        TargetType.ANOMALY,
    }
)
_FRAME_HOOKS: Final = frozenset(
    {
        CustomHooks.READ_INPUT_DATA,
        CustomHooks.TRANSFORM,
        CustomHooks.SCORE,
        CustomHooks.POST_PROCESS,
    }
)


def build_predictor(settings: ModelSettings) -> LocalPredictor:
    """Load the model folder that ``settings`` names.

    Raises:
        StartupError: metadata, target type or labels are wrong, or the folder's language is
            not served.
        ModelLoadError: the hooks or the artifact cannot be loaded.
    """
    metadata = read_metadata(settings.code_dir)
    target_type = resolve_target_type(settings.target_type, metadata)
    labels = resolve_labels(
        target_type,
        metadata,
        settings.code_dir,
        positive=settings.positive_class_label,
        negative=settings.negative_class_label,
        class_labels=settings.class_labels,
    )
    rules = OutputRules(target_type, labels, settings.target_name)
    _require_python(settings)
    hooks = _load_hooks(settings.code_dir, target_type)
    model = _load_model(settings.code_dir, hooks)
    parts = _assemble(model, hooks, rules)
    info = ModelInfo(
        code_dir=settings.code_dir,
        target_type=target_type,
        language=RunLanguage.PYTHON,
        framework=parts.framework,
        labels=labels,
        metadata=metadata,
        hooks=hooks.names,
        target_name=settings.target_name,
        supports_chat=CustomHooks.CHAT in hooks,
        batchable=_is_batchable(parts.scorer, hooks, target_type),
        feature_names=_feature_names(model, hooks),
    )
    return LocalPredictor(info, model, hooks, rules, parts.scorer, parts.transformer)


def _require_python(settings: ModelSettings) -> None:
    language = settings.language or detect_language(settings.code_dir)
    if language is not RunLanguage.PYTHON:
        raise StartupError(
            f"This version serves Python models only; '{language.value}' is not supported yet."
        )


def _load_hooks(code_dir: str, target_type: TargetType) -> Hooks:
    hooks = Hooks.of(load_custom_module(code_dir), target_type)
    hooks.init(code_dir)
    if target_type is TargetType.UNSTRUCTURED and CustomHooks.SCORE_UNSTRUCTURED not in hooks:
        raise ModelLoadError("In 'unstructured' mode hook 'score_unstructured' must be provided.")
    return hooks


def _load_model(code_dir: str, hooks: Hooks) -> Any:
    if CustomHooks.LOAD_MODEL in hooks:
        return hooks.load_model(code_dir)
    return load_artifact(code_dir)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What predicts and what transforms; ``framework`` only when one predicts."""

    framework: str | None
    scorer: Scorer
    transformer: Transformer


def _assemble(model: Any, hooks: Hooks, rules: OutputRules) -> _Parts:
    if rules.target_type is TargetType.UNSTRUCTURED:
        return _Parts(None, NoScorer(), NoTransformer())
    if rules.target_type is TargetType.TRANSFORM:
        return _Parts(None, NoScorer(), _transformer(model, hooks))
    if CustomHooks.SCORE in hooks:
        return _Parts(None, HookScorer(hooks, model, rules), NoTransformer())
    reader = find_reader(model)
    if reader is not None:
        scorer = ArtifactScorer(reader.adapt(model, rules.target_type, rules.labels), rules)
        return _Parts(reader.framework, scorer, NoTransformer())
    if CustomHooks.CHAT not in hooks:
        raise ModelLoadError(
            f"{LOADING_FAILED}{PYTHON_ENVIRONMENT}Could not find any framework to handle loaded "
            "model and a score hook is not provided"
        )
    return _Parts(None, NoScorer(), NoTransformer())


def _transformer(model: Any, hooks: Hooks) -> Transformer:
    if CustomHooks.TRANSFORM in hooks:
        return HookTransformer(hooks, model)
    if is_a(model, "sklearn", "BaseEstimator"):
        return EstimatorTransformer(model)
    raise ModelLoadError(
        f"{LOADING_FAILED}A transform task requires a user-defined transform hook for "
        "non-sklearn transformers"
    )


def _feature_names(model: Any, hooks: Hooks) -> tuple[str, ...] | None:
    """What the model remembers of its columns; a hook may want others than the model gets."""
    if hooks.names & {CustomHooks.TRANSFORM, CustomHooks.SCORE}:
        return None
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else tuple(str(name) for name in names)


def _is_batchable(scorer: Scorer, hooks: Hooks, target_type: TargetType) -> bool:
    return scorer.merges and target_type in _ROW_WISE and not hooks.names & _FRAME_HOOKS

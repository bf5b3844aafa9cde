"""A model folder -> a ``Predictor``: the steps of loading, in their order."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any, Final

from datarobot_drum.drum.enum import CustomHooks, RunLanguage, TargetType
from datarobot_drum.drum.exceptions import ModelLoadError, StartupError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.model.artifacts.base import bare, is_a
from datarobot_drum.drum.model.artifacts.networks.torch import weights_alone
from datarobot_drum.drum.model.artifacts.registry import adapted, load_artifact
from datarobot_drum.drum.model.columns import UNKNOWN, InputColumns
from datarobot_drum.drum.model.custom_task import load_task, task_class
from datarobot_drum.drum.model.folder import (
    detect_language,
    not_counted,
    python_artifacts,
    uncounted_files,
)
from datarobot_drum.drum.model.hooks import (
    LOADING_FAILED,
    PYTHON_ENVIRONMENT,
    Hooks,
    load_custom_module,
)
from datarobot_drum.drum.model.inside import links_out
from datarobot_drum.drum.model.labels import resolve_labels
from datarobot_drum.drum.model.lazy_loading import fetch_files
from datarobot_drum.drum.model.metadata import read_metadata, resolve_target_type
from datarobot_drum.drum.model.moderation import moderated
from datarobot_drum.drum.model.near_misses import (
    functions_of,
    misnamed_files,
    misspelt_definition_keys,
    misspelt_hooks,
)
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.pipeline import (
    ArtifactScorer,
    HookScorer,
    LoadedModel,
    LocalPredictor,
    NoScorer,
)
from datarobot_drum.drum.model.predictor import Dense, ModelInfo
from datarobot_drum.drum.model.transforming import (
    EstimatorTransformer,
    HookTransformer,
    NoTransformer,
    Transformer,
)
from datarobot_drum.drum.settings import ModelSettings

__all__ = ["LocalPredictor", "build_predictor"]

logger = get_drum_logger(__name__)

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
    _warn(misnamed_files(settings.code_dir))
    _warn(links_out(settings.code_dir))
    files_outside = settings.artifacts.files_outside
    metadata = read_metadata(settings.code_dir)
    _warn(misspelt_definition_keys(metadata))
    target_type = resolve_target_type(settings.target_type, metadata)
    labels = resolve_labels(
        target_type,
        metadata,
        settings.code_dir,
        positive=settings.positive_class_label,
        negative=settings.negative_class_label,
        class_labels=settings.class_labels,
        files_outside=files_outside,
    )
    rules = OutputRules(target_type, labels, settings.target_name)
    _require_python(settings)
    fetch_files(settings.lazy_loading_file, settings.code_dir, files_outside)
    loaded = _load(settings, rules)
    columns = _columns(loaded)
    info = ModelInfo(
        code_dir=settings.code_dir,
        target_type=target_type,
        language=RunLanguage.PYTHON,
        framework=loaded.framework,
        labels=labels,
        metadata=metadata,
        hooks=loaded.hooks.names,
        target_name=settings.target_name,
        supports_chat=CustomHooks.CHAT in loaded.hooks,
        batchable=_is_batchable(loaded, target_type),
        own_code=loaded.scorer.own_code and not loaded.hooks.names,
        feature_names=columns.names,
        text_columns=columns.text,
        gap_words=columns.gap_words,
        dense=_dense(loaded, target_type),
    )
    return LocalPredictor(info, loaded, rules)


def _require_python(settings: ModelSettings) -> None:
    language = settings.language or detect_language(settings.code_dir)
    if language is not RunLanguage.PYTHON:
        raise StartupError(
            f"This version serves Python models only; '{language.value}' is not supported yet."
        )


def _load(settings: ModelSettings, rules: OutputRules) -> LoadedModel:
    """Load a ``CustomTask``, or hooks and the model they work with."""
    code_dir = settings.code_dir
    module = load_custom_module(code_dir)
    if rules.target_type is TargetType.UNSTRUCTURED:
        return _load_unstructured(settings, _hooks_of(module, rules.target_type))
    cls = task_class(module)
    if cls is not None:
        secrets = (settings.user_secrets_mount_path, settings.user_secrets_prefix)
        task = load_task(cls, code_dir, rules, *secrets)
        return LoadedModel(task.task, Hooks(), task, task, release=task.close)
    hooks = _hooks_of(module, rules.target_type)
    hooks.init(code_dir)
    is_transform = rules.target_type is TargetType.TRANSFORM
    answering = (CustomHooks.TRANSFORM,) if is_transform else (CustomHooks.SCORE, CustomHooks.CHAT)
    model = _load_model(settings, hooks, *answering, module=module)
    return _assemble(model, moderated(hooks, rules, code_dir), rules)


def _hooks_of(module: ModuleType | None, target_type: TargetType) -> Hooks:
    hooks = Hooks.of(module, target_type)
    if module is not None:
        _warn(misspelt_hooks(module, hooks.names))
    return hooks


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        logger.warning("%s", sentence)


def _load_unstructured(settings: ModelSettings, hooks: Hooks) -> LoadedModel:
    hooks.init(settings.code_dir)
    if CustomHooks.SCORE_UNSTRUCTURED not in hooks:
        raise ModelLoadError("In 'unstructured' mode hook 'score_unstructured' must be provided.")
    model = _load_model(settings, hooks, CustomHooks.SCORE_UNSTRUCTURED)
    return LoadedModel(bare(model), hooks, NoScorer(), NoTransformer())


def _load_model(
    settings: ModelSettings, hooks: Hooks, *answering: str, module: ModuleType | None = None
) -> Any:
    """The model; None where the folder has none, and a hook that can answer without.

    Args:
        answering: the hooks that can.
        module: ``custom.py``, to say what it has instead.
    """
    code_dir = settings.code_dir
    if CustomHooks.LOAD_MODEL in hooks:
        return hooks.load_model(code_dir)
    if hooks.names.isdisjoint(answering) or python_artifacts(code_dir):
        instead = "" if module is None else _needed(module, answering[0])
        return load_artifact(code_dir, settings.artifacts, instead)
    passed_over = uncounted_files(code_dir, texts=False)
    if passed_over:
        logger.warning(
            "%s has neither an artifact nor a load_model hook: the other hooks get None as their"
            " model. %s",
            code_dir,
            not_counted(passed_over).rstrip(),
        )
    return None


def _needed(module: ModuleType, answering: str) -> str:
    defined = ", ".join(functions_of(module)) or "none"
    return (
        f"\nWithout an artifact custom.py needs the hook {CustomHooks.LOAD_MODEL} or {answering}."
        f" Its functions: {defined}."
    )


def _assemble(loaded: Any, hooks: Hooks, rules: OutputRules) -> LoadedModel:
    model = bare(loaded)
    if rules.target_type is TargetType.TRANSFORM:
        return LoadedModel(model, hooks, NoScorer(), _transformer(model, hooks))
    if CustomHooks.SCORE in hooks:
        return LoadedModel(model, hooks, HookScorer(hooks, model, rules), NoTransformer())
    known = adapted(loaded, rules.target_type, rules.labels)
    if known is not None:
        artifact, framework = known
        return LoadedModel(
            model, hooks, ArtifactScorer(artifact, rules), NoTransformer(), framework
        )
    if CustomHooks.CHAT not in hooks:
        raise ModelLoadError(
            f"{LOADING_FAILED}{PYTHON_ENVIRONMENT}Could not find any framework to handle loaded "
            f"model and a score hook is not provided{weights_alone(model) or _kind(model)}"
        )
    return LoadedModel(model, hooks, NoScorer(), NoTransformer())


def _kind(model: Any) -> str:
    return f": it is of {type(model)}"


def _transformer(model: Any, hooks: Hooks) -> Transformer:
    if CustomHooks.TRANSFORM in hooks:
        return HookTransformer(hooks, model)
    if is_a(model, "sklearn", "BaseEstimator"):
        return EstimatorTransformer(model)
    raise ModelLoadError(
        f"{LOADING_FAILED}A transform task requires a user-defined transform hook for "
        "non-sklearn transformers"
    )


def _columns(loaded: LoadedModel) -> InputColumns:
    """What the model remembers of its columns; a hook may want others than the model gets."""
    if loaded.hooks.names & {CustomHooks.TRANSFORM, CustomHooks.SCORE}:
        return UNKNOWN
    known = loaded.scorer.columns
    return loaded.transformer.columns if known is UNKNOWN else known


def _dense(loaded: LoadedModel, target_type: TargetType) -> Dense:
    """What the model makes of the rows as they were sent; a hook may give it others."""
    if CustomHooks.TRANSFORM in loaded.hooks:
        return Dense.NEVER
    is_transform = target_type is TargetType.TRANSFORM
    return loaded.transformer.dense if is_transform else loaded.scorer.dense


def _is_batchable(loaded: LoadedModel, target_type: TargetType) -> bool:
    seen = loaded.hooks.names & _FRAME_HOOKS
    return loaded.scorer.merges and target_type in _ROW_WISE and not seen

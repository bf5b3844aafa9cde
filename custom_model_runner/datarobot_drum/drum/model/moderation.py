"""Moderation: a guard library, when it is installed, stands around ``score`` and ``chat``."""

from __future__ import annotations

import functools
import importlib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from datarobot_drum.drum.enum import CustomHooks
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.model.hooks import Function, Hooks
from datarobot_drum.drum.model.outputs import NAMED_TARGETS, OutputRules
from datarobot_drum.drum.model.predictor import association_id

logger = get_drum_logger(__name__)

CONFIG_FILE: Final = "moderation_config.yaml"
_LIBRARY: Final = "datarobot_dome.drum_integration"
_COMPLETION: Final = "completion"


def moderated(hooks: Hooks, rules: OutputRules, code_dir: str) -> Hooks:
    """Put the folder's moderation pipeline around the hooks; without one they stay as they are.

    A folder asks for moderation by a ``moderation_config.yaml``, and only language models
    have any. A library that cannot be imported is worth a warning, not a refusal to start.
    """
    pipeline = _pipeline(rules, code_dir)
    if pipeline is None:
        return hooks
    functions: dict[str, Function] = dict(hooks.functions)
    if CustomHooks.SCORE in hooks:
        functions[CustomHooks.SCORE] = _score(pipeline, functions[CustomHooks.SCORE], rules)
    if CustomHooks.CHAT in hooks:
        functions[CustomHooks.CHAT] = _chat(pipeline, functions[CustomHooks.CHAT])
    return Hooks(functions)


def _pipeline(rules: OutputRules, code_dir: str) -> Any:
    if rules.target_type not in NAMED_TARGETS or not Path(code_dir, CONFIG_FILE).is_file():
        return None
    try:
        library = importlib.import_module(_LIBRARY)
    except ImportError as exc:
        logger.warning("Moderation is off: %s cannot be imported: %s", _LIBRARY, exc)
        return None
    factory = getattr(library, "moderation_pipeline_factory", None)
    return factory(rules.target_type.value, model_dir=code_dir) if factory else None


def _score(pipeline: Any, hook: Function, rules: OutputRules) -> Function:
    @functools.wraps(hook)
    def score(data: Any, model: Any, **keywords: Any) -> Any:
        frame = pipeline.score(data, model, hook, **keywords)
        columns = list(getattr(frame, "columns", ()))
        target = rules.target_column([str(name) for name in columns])
        if _COMPLETION in columns and target not in columns:
            return frame.rename(columns={_COMPLETION: target})
        return frame

    return score


def _chat(pipeline: Any, hook: Function) -> Function:
    """``wraps`` keeps the hook's own signature, which decides whether it gets keywords."""

    @functools.wraps(hook)
    def chat(params: Mapping[str, Any], model: Any, **keywords: Any) -> Any:
        current = association_id.get() or params.get("datarobot_association_id") or uuid.uuid4()
        return pipeline.chat(params, model, hook, str(current), **keywords)

    return chat

"""A folder whose ``custom.py`` holds a class, ``CustomTask``, instead of hooks."""

from __future__ import annotations

from contextlib import ExitStack
from types import ModuleType
from typing import Any

from datarobot_drum.custom_task_interfaces.custom_task_interface import CustomTaskInterface
from datarobot_drum.custom_task_interfaces.scrubbing import SCRUBBER
from datarobot_drum.custom_task_interfaces.user_secrets import load_secrets, plain_values
from datarobot_drum.drum import masking
from datarobot_drum.drum.enum import CustomHooks
from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.model.hooks import LOADING_FAILED, is_frame
from datarobot_drum.drum.model.outputs import OutputRules
from datarobot_drum.drum.model.pipeline import SeesTheFrame, score_keywords
from datarobot_drum.drum.model.predictor import Predictions, RowSource
from datarobot_drum.drum.model.user_code import user_code
from datarobot_drum.drum.utils.others_code import failing_as


def task_class(module: ModuleType | None) -> type[CustomTaskInterface] | None:
    """The ``CustomTask`` that a ``custom.py`` defines; None when it holds hooks.

    Raises:
        ModelLoadError: it is not derived from one of the interfaces.
    """
    cls = getattr(module, "CustomTask", None)
    if cls is None:
        return None
    if not (isinstance(cls, type) and issubclass(cls, CustomTaskInterface)):
        raise ModelLoadError("The CustomTask class must inherit from the CustomTaskInterface")
    return cls


class LoadedTask(SeesTheFrame):
    """A fitted task that serves: it scores, it transforms, and it lets its secrets go."""

    def __init__(self, task: CustomTaskInterface, hidden: list[str], rules: OutputRules) -> None:
        self.task: Any = task
        self._hidden = hidden
        self._rules = rules

    def score(self, data: Any, source: RowSource) -> Predictions:
        rules = self._rules
        keywords = score_keywords(rules.target_type, rules.labels, source)
        classifies = rules.target_type.is_classification()
        with user_code("Model 'score' hook failed to make predictions."):
            method = self.task.predict_proba if classifies else self.task.predict
            frame = _checked(method(data, **keywords), CustomHooks.SCORE)
        return rules.exactly(frame)

    def transform(self, frame: Any, target: Any) -> Any:
        with user_code("Model 'transform' hook failed to transform dataset."):
            return _checked(self.task.transform(frame), CustomHooks.TRANSFORM)

    def close(self) -> None:
        self.task.secrets = {}
        SCRUBBER.remove(self._hidden)


def load_task(
    cls: type[CustomTaskInterface],
    code_dir: str,
    rules: OutputRules,
    mount_path: str | None,
    env_var_prefix: str | None,
) -> LoadedTask:
    """Load the folder's task and give it its secrets for as long as it serves.

    Raises:
        ModelLoadError: the task or a secret cannot be loaded.
    """
    with ExitStack() as undo:
        with failing_as(_load_error):
            secrets = load_secrets(mount_path, env_var_prefix)
            hidden = [value for secret in secrets.values() for value in plain_values(secret)]
            SCRUBBER.add(hidden)
            undo.callback(SCRUBBER.remove, hidden)
            # Answers about errors, JSON logs and exported ones do not pass through the streams.
            masking.hide(hidden)
            task = cls.load(code_dir)
            task.secrets = secrets
        undo.pop_all()
    return LoadedTask(task, hidden, rules)


def _load_error(exc: BaseException) -> ModelLoadError:
    cause = SCRUBBER.clean(repr(exc))
    return ModelLoadError(f"{LOADING_FAILED}Failed to load custom task class. Exception: {cause}")


def _checked(result: Any, method: str) -> Any:
    if not is_frame(result):
        raise ValueError(f"{method} must return a dataframe, but received {type(result)}")
    return result

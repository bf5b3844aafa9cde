"""``custom.py``: its hooks by name, each called the way users wrote it."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from datarobot_drum.drum.enum import CUSTOM_FILE_NAME, CustomHooks, TargetType
from datarobot_drum.drum.exceptions import ModelError, ModelLoadError
from datarobot_drum.drum.model.folder import CUSTOM_FILE, find_user_file, mistaken_artifacts
from datarobot_drum.drum.model.user_code import user_code
from datarobot_drum.drum.utils.others_code import failing_as

Function = Callable[..., Any]

LOADING_FAILED: Final = "An error occurred when loading your artifact: "
PYTHON_ENVIRONMENT: Final = "\n\nRunning environment language: Python.\n"
_TRANSFORM_FAILED: Final = "Model 'transform hook' failed to transform dataset."
_UNSTRUCTURED: Final = (
    CustomHooks.INIT,
    CustomHooks.LOAD_MODEL,
    CustomHooks.SCORE_UNSTRUCTURED,
)
_STRUCTURED: Final = tuple(h for h in CustomHooks.ALL if h != CustomHooks.SCORE_UNSTRUCTURED)


def load_custom_module(code_dir: str) -> ModuleType | None:
    """Import the folder's ``custom.py`` under the name ``custom``; None when there is none.

    Pickles refer to classes as ``custom.X``, so the module replaces an earlier one of that
    name. The working directory is left alone; ``code_dir`` and the file's own directory go
    onto ``sys.path``.

    Raises:
        ModelLoadError: more than one file, or importing it failed.
    """
    path = find_user_file(code_dir, CUSTOM_FILE)
    if path is None:
        return None
    _extend_path(code_dir, str(path.parent))
    spec = importlib.util.spec_from_file_location(CUSTOM_FILE_NAME, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[CUSTOM_FILE_NAME] = module

    def failed(exc: BaseException) -> ModelLoadError:
        text = str(exc) if isinstance(exc, ImportError) else f"{type(exc).__name__}: {exc}"
        return ModelLoadError(f"{PYTHON_ENVIRONMENT}Failed loading hooks from [{path}] : {text}")

    with ExitStack() as undo:
        undo.callback(sys.modules.pop, CUSTOM_FILE_NAME, None)
        with failing_as(failed):
            spec.loader.exec_module(module)
        undo.pop_all()
    return module


def _extend_path(code_dir: str, first_dir: str) -> None:
    """Let the modules of a model folder be imported, now and later; those of ``first_dir`` win."""
    put_first(first_dir)
    if os.path.abspath(code_dir) not in sys.path:
        sys.path.append(os.path.abspath(code_dir))


def put_first(folder: str) -> None:
    """Absolute: what is imported later must not depend on the working directory."""
    if sys.path[:1] != [os.path.abspath(folder)]:
        sys.path.insert(0, os.path.abspath(folder))


@dataclass(frozen=True, slots=True)
class Hooks:
    """The functions of a ``custom.py``. Every call turns failures into ``ModelError``."""

    functions: Mapping[str, Function] = field(default_factory=dict)

    @classmethod
    def of(cls, module: ModuleType | None, target_type: TargetType) -> Hooks:
        """Pick up the hooks that models of this target type have, by name."""
        unstructured = target_type is TargetType.UNSTRUCTURED
        names = _UNSTRUCTURED if unstructured else _STRUCTURED
        found = {name: getattr(module, name, None) for name in names}
        return cls({name: hook for name, hook in found.items() if callable(hook)})

    def __contains__(self, name: str) -> bool:
        return name in self.functions

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.functions)

    @contextmanager
    def blamed(self, name: str) -> Iterator[None]:
        """A block that calls a hook or looks at its result: what fails there is placed there."""
        try:
            yield
        except (ModelError, ModelLoadError) as error:
            error.hook = error.hook or self.functions.get(name)
            raise

    def init(self, code_dir: str) -> None:
        """Call ``init``, if there is one.

        Raises:
            ModelLoadError: the hook failed.
        """
        if CustomHooks.INIT not in self:
            return

        def failed(exc: BaseException) -> ModelLoadError:
            return ModelLoadError(f"Model 'init' hook failed. Exception: {exc!r}")

        with self.blamed(CustomHooks.INIT), failing_as(failed):
            self.functions[CustomHooks.INIT](code_dir=code_dir)

    def load_model(self, code_dir: str) -> Any:
        """Call ``load_model``, which must return something.

        Raises:
            ModelLoadError: the hook failed or returned None.
        """

        def failed(exc: BaseException) -> ModelLoadError:
            return ModelLoadError(
                f"{LOADING_FAILED}'load_model' hook failed to load the model. Exception: {exc!r}"
                + "".join(f"\n{text}" for text in mistaken_artifacts(code_dir))
            )

        with self.blamed(CustomHooks.LOAD_MODEL):
            with failing_as(failed):
                model = self.functions[CustomHooks.LOAD_MODEL](code_dir)
            if model is None:
                raise ModelLoadError(
                    f"{LOADING_FAILED}'load_model' hook failed to load model, None is returned."
                )
            return model

    def read_input_data(self, data: bytes) -> Any:
        failure = "Model 'read_input_data' hook failed to read input data."
        with self.blamed(CustomHooks.READ_INPUT_DATA), user_code(failure):
            return self.functions[CustomHooks.READ_INPUT_DATA](data)

    def transform(self, data: Any, model: Any) -> Any:
        """Pre-process for scoring; returns a DataFrame."""
        with self.blamed(CustomHooks.TRANSFORM):
            with user_code(_TRANSFORM_FAILED):
                result = self.functions[CustomHooks.TRANSFORM](data, model)
            return require_frame(result, CustomHooks.TRANSFORM)

    def transform_task(self, data: Any, model: Any, target: Any) -> Any:
        """The hook of target type transform: two or three arguments; returns what it likes."""
        hook = self.functions[CustomHooks.TRANSFORM]
        count = len(inspect.signature(hook).parameters)
        with self.blamed(CustomHooks.TRANSFORM), user_code(_TRANSFORM_FAILED):
            if count not in (2, 3):
                raise ValueError(
                    f"Transform hook must take 2 or 3 arguments; hook provided takes {count}"
                )
            return hook(*(data, model, target)[:count])

    def score(self, data: Any, model: Any, keywords: Mapping[str, Any]) -> Any:
        """Predict; returns a DataFrame."""
        with self.blamed(CustomHooks.SCORE):
            with user_code("Model 'score' hook failed to make predictions."):
                result = self.functions[CustomHooks.SCORE](data, model, **keywords)
            return require_frame(result, CustomHooks.SCORE)

    def post_process(self, predictions: Any, model: Any) -> Any:
        with self.blamed(CustomHooks.POST_PROCESS):
            with user_code("Model 'post_process' hook failed to post-process predictions."):
                result = self.functions[CustomHooks.POST_PROCESS](predictions, model)
            if not is_frame(result):
                raise ModelError(
                    f"Output of post_process hook must be a dataframe, not a {type(result)}"
                )
            return result

    def score_unstructured(self, model: Any, data: Any, keywords: Mapping[str, Any]) -> Any:
        with self.blamed(CustomHooks.SCORE_UNSTRUCTURED), user_code():
            return self.functions[CustomHooks.SCORE_UNSTRUCTURED](model, data, **keywords)

    def chat(self, params: dict[str, Any], model: Any, keywords: Mapping[str, Any]) -> Any:
        hook = self.functions[CustomHooks.CHAT]
        extra = keywords if len(inspect.signature(hook).parameters) > 2 else {}
        with self.blamed(CustomHooks.CHAT), user_code():
            return hook(params, model, **extra)

    def supported_llm_models(self, model: Any) -> Any:
        with self.blamed(CustomHooks.GET_SUPPORTED_LLM_MODELS), user_code():
            return self.functions[CustomHooks.GET_SUPPORTED_LLM_MODELS](model)


def is_frame(value: Any) -> bool:
    import pandas as pd

    return isinstance(value, pd.DataFrame)


def require_frame(result: Any, hook: str) -> Any:
    """Let a hook's DataFrame through.

    Raises:
        ModelError: it is something else.
    """
    if not is_frame(result):
        raise ModelError(f"{hook} must return a dataframe, but received {type(result)}")
    return result

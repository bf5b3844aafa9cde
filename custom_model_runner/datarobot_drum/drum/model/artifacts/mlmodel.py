"""``MLmodel``: what MLflow writes beside a model, of its flavours, files and signature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.model.artifacts.signature import UNSIGNED, Signature, read_signature
from datarobot_drum.drum.model.inside import is_inside
from datarobot_drum.runtime_parameters.yaml_problem import UNREADABLE

PYTHON_FUNCTION: Final = "python_function"
# The entries that MLflow's flavours and ours join to the folder, at any depth of a flavour.
_PATHS: Final = frozenset(
    {
        "adapter_weights",
        "artifact_path",
        "code",
        "data",
        "local_base_model_path",
        "model_binary",
        "model_code_path",
        "model_data",
        "model_path",
        "parameters_path",
        "path",
        "peft_adaptor",
        "pickled_model",
        "python_model",
        "saved_model_dir",
        "serialized_explainer",
    }
)
# What users write there is for their own code.
_USERS_OWN: Final = "config"


@dataclass(frozen=True, slots=True)
class MLModel:
    """A folder that MLflow saved.

    Attributes:
        flavors: by name; each names its files, all of which lie in the folder.
        flavor: the one that ``mlflow.pyfunc`` loads, such as ``sklearn``; its loader's module
            when that is none of MLflow's.
    """

    folder: Path
    flavors: Mapping[str, Mapping[str, Any]]
    flavor: str
    signature: Signature

    @property
    def settings(self) -> Mapping[str, Any]:
        """Of the flavour that is loaded."""
        return self.flavors.get(self.flavor, {})

    @property
    def predict_fn(self) -> str:
        """The method that ``mlflow.pyfunc`` calls."""
        return str(self.flavors.get(PYTHON_FUNCTION, {}).get("predict_fn") or "predict")

    @property
    def code(self) -> Path | None:
        """The folder of the modules that were saved with the model."""
        name = self.flavors.get(PYTHON_FUNCTION, {}).get("code") or self.settings.get("code")
        return self.folder / name if name else None

    def file(self, key: str) -> Path | None:
        """The file that the flavour names so."""
        name = self.settings.get(key)
        return self.folder / name if name else None


def read_mlmodel(path: Path, files_outside: bool = False) -> MLModel:
    """Read an ``MLmodel`` file.

    Args:
        files_outside: it may name files outside of its folder.

    Raises:
        ModelLoadError: it is none, or names a file outside of its folder.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        flavors = {str(name): settings or {} for name, settings in content["flavors"].items()}
    except (yaml.YAMLError, *UNREADABLE) as exc:
        raise ModelLoadError(
            f"{path.name} is not a file that MLflow wrote: it needs YAML with the key 'flavors'."
        ) from exc
    example = content.get("saved_input_example_info") or {}
    if not files_outside:
        for key, name in [*_named_files(flavors), *_named_files(example)]:
            _require_inside(path.parent, key, name)
    return MLModel(path.parent, flavors, _loaded_flavor(flavors), _signature(content))


def _loaded_flavor(flavors: Mapping[str, Mapping[str, Any]]) -> str:
    loader = flavors.get(PYTHON_FUNCTION, {}).get("loader_module")
    if loader is None:
        return next(iter(flavors), "")
    return str(loader).removeprefix("mlflow.")


def _signature(content: Mapping[str, Any]) -> Signature:
    """The columns that ``mlflow.pyfunc`` enforces; by type hints the model checks them itself."""
    if content.get("is_signature_from_type_hint"):
        return UNSIGNED
    return read_signature((content.get("signature") or {}).get("inputs"))


def _named_files(settings: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Keys and the texts that stand there, alone or in a list."""
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            if name != _USERS_OWN:
                yield from _named_files(value, name)
    elif isinstance(settings, list):
        for value in settings:
            yield from _named_files(value, key)
    elif isinstance(settings, str) and key in _PATHS:
        yield key, settings


def _require_inside(folder: Path, key: str, name: str) -> None:
    path = folder / name
    entries = [path, *path.rglob("*")] if path.is_dir() else [path]
    strays = [entry for entry in entries if not is_inside(folder, entry)]
    if strays or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ModelLoadError(
            f"MLmodel names a file outside of its folder: {key}: {name!r}. Put the file, not a "
            "link or a path to another place, into the folder, and name it relative to the folder; "
            "or set DRUM_FILES_OUTSIDE_FOLDER to true, which allows it."
        )

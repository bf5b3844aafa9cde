"""A folder that MLflow saved: its ``MLmodel`` file names the files of each flavour.

Whatever is read here predicts what ``mlflow.pyfunc`` predicts from the same folder, except that
classes get their probabilities, which ``mlflow.pyfunc`` gives for few flavours.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelLoadError, PayloadError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, Reader, SavedModel, is_a
from datarobot_drum.drum.model.artifacts.boosters.catboost import CatBoostReader
from datarobot_drum.drum.model.artifacts.boosters.lightgbm import LightGBMReader
from datarobot_drum.drum.model.artifacts.boosters.xgboost import XGBoostReader
from datarobot_drum.drum.model.artifacts.mlmodel import MLModel, read_mlmodel
from datarobot_drum.drum.model.artifacts.networks.keras import KerasReader
from datarobot_drum.drum.model.artifacts.networks.onnx import OnnxReader
from datarobot_drum.drum.model.artifacts.networks.torch import TorchReader
from datarobot_drum.drum.model.artifacts.pickles import load_pickle
from datarobot_drum.drum.model.artifacts.signature import UNSIGNED, Signature, read_signature
from datarobot_drum.drum.model.artifacts.sklearn import SklearnReader
from datarobot_drum.drum.model.artifacts.skops import load_trusting, untrusted_types
from datarobot_drum.drum.model.folder import MLMODEL_FILE
from datarobot_drum.drum.model.hooks import put_first
from datarobot_drum.drum.model.mistaken import reading
from datarobot_drum.drum.model.predictor import ClassLabels

logger = get_drum_logger(__name__)

_TRUSTED: Final = "skops_trusted_types"
_SWITCH: Final = "DRUM_MLFLOW_TRUSTED_TYPES"
_DEFAULT_PROVIDERS: Final = ("CUDAExecutionProvider", "CPUExecutionProvider")
# Compiled into the ordinary builds, and without a part in predictions.
_NEEDLESS_PROVIDERS: Final = ("AzureExecutionProvider",)
_OF_THE_SIGNATURE: Final = "Failed to enforce schema"
_NO_FIT: Final = re.compile(
    r"Incompatible input types for column (?P<column>.+?)\. "
    r"Can not safely convert (?P<given>\S+) to (?P<wanted>\w+)"
)
# They give probabilities where ``mlflow.pyfunc`` gives labels.
_CLASSIFIERS: Final[tuple[Reader, ...]] = (
    KerasReader(),
    XGBoostReader(),
    TorchReader(),
    CatBoostReader(),
    SklearnReader(),
    OnnxReader(),
    LightGBMReader(),
)


class SignedModel(ArtifactModel):
    """A framework's model in a folder whose signature names the columns.

    MLflow enforces the signature before the model sees the rows. Of that, what can change an
    answer is done here: names, order, the kinds of floats, and points in time.
    """

    def __init__(self, model: ArtifactModel, signature: Signature) -> None:
        self._model = model
        self._signature = signature
        self.names = model.names
        self.merge = model.merge
        self.own_code = model.own_code
        self.dense = model.dense
        self.columns = signature.completing(model.columns)

    @property
    def array_columns(self) -> tuple[str, ...] | None:
        return self._model.array_columns if self._signature.takes_any_float else None

    def categories(self) -> Mapping[str, Collection[Any]]:
        return self._model.categories()

    def predict(self, data: Any) -> Any:
        result = self._model.predict(self._signature.enforced(data))
        self.names = self._model.names
        return result

    def predict_merged(self, data: Any, row_counts: Sequence[int]) -> Any:
        return self._model.predict_merged(self._signature.enforced(data), row_counts)


class PyFuncModel(ArtifactModel):
    """MLflow's generic model: a ``predict`` that returns a frame, an array or a list."""

    def __init__(self, model: Any, labels: ClassLabels | None = None) -> None:
        self._model = model
        self._labels = frozenset(labels.names if labels else ())
        self._signature = _signature_of(model)
        self.names: tuple[str, ...] | None = None
        self.columns = self._signature.columns

    def predict(self, data: Any) -> Any:
        import numpy as np
        import pandas as pd
        from mlflow.exceptions import MlflowException

        try:
            result = self._model.predict(self._signature.as_declared(data))
        except MlflowException as exc:
            if str(exc).startswith(_OF_THE_SIGNATURE):
                raise PayloadError(_misfit(exc)) from exc
            raise
        if isinstance(result, pd.DataFrame):
            self.names = self._names_in(result)
        return np.asarray(result)

    def _names_in(self, result: Any) -> tuple[str, ...] | None:
        """The columns' names; numbers that are no labels only count the columns."""
        names = tuple(map(str, result.columns))
        numbered = result.columns.dtype.kind in "iu"
        return None if numbered and self._labels != {*names} else names


class MLflowReader:
    """Loads known flavours without MLflow; everything else through ``mlflow.pyfunc``.

    Args:
        trusts_types: load the types that an ``MLmodel`` file trusts itself.
        files_outside: load files that lie outside of its folder.
    """

    framework: ClassVar[str] = "mlflow"
    package: ClassVar[str] = "mlflow"
    modules: ClassVar[tuple[str, ...]] = ("mlflow", "cloudpickle")
    extensions: ClassVar[tuple[str, ...]] = (MLMODEL_FILE,)

    def __init__(self, trusts_types: bool = True, files_outside: bool = False) -> None:
        self._trusts_types = trusts_types
        self._files_outside = files_outside

    def load(self, path: Path) -> Any:
        """Load what ``mlflow.pyfunc`` would.

        Raises:
            ModelLoadError: MLmodel names a file outside of the folder, or one that is no model.
        """
        saved = read_mlmodel(path, self._files_outside)
        if saved.code is not None:
            put_first(str(saved.code))
        key, load = _SHORT_CUTS.get(saved.flavor, ("", None))
        file = saved.file(key)
        if load is None or file is None:
            return _load_pyfunc(saved.folder)
        if not file.is_file():
            raise ModelLoadError(f"MLmodel names a file that is not there: {key}: {file.name!r}.")
        with reading(file):
            model = load(file, saved.settings, self._trusts_types)
        return _load_pyfunc(saved.folder) if model is None else _with_signature(model, saved)

    def recognises(self, model: Any) -> bool:
        return is_a(model, "mlflow", "PyFuncModel")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        if target_type.is_classification():
            raw = _raw_model(model)
            for reader in _CLASSIFIERS:
                if reader.recognises(raw):
                    adapted = reader.adapt(raw, target_type, labels)
                    return _signed(adapted, _signature_of(model))
        return PyFuncModel(model, labels)


def _load_pyfunc(folder: Path) -> Any:
    import mlflow.pyfunc

    return mlflow.pyfunc.load_model(str(folder))


def _raw_model(model: Any) -> Any:
    """The framework's object in a pyfunc model; None where there is none."""
    try:
        return model.get_raw_model()
    except (AttributeError, NotImplementedError):
        return None


def _with_signature(model: Any, saved: MLModel) -> SavedModel:
    def around(adapted: ArtifactModel, target_type: TargetType) -> ArtifactModel:
        if not target_type.is_classification() and _goes_its_own_way(saved):
            try:
                return PyFuncModel(_load_pyfunc(saved.folder))
            except ImportError as exc:
                raise ModelLoadError(
                    "MLmodel asks for a method that MLflow itself has to call: "
                    f"pip install mlflow. Exception: {exc!r}"
                ) from exc
        return _signed(adapted, saved.signature)

    return SavedModel(model, around)


def _goes_its_own_way(saved: MLModel) -> bool:
    """Whether ``mlflow.pyfunc`` calls another method than our readers would for values."""
    # Our reader applies the link of a loss, as CatBoost's regressor does; this class does not.
    bare_catboost = saved.flavor == "catboost" and saved.settings.get("model_type") == "CatBoost"
    return saved.predict_fn != "predict" or bare_catboost


def _signed(model: ArtifactModel, signature: Signature) -> ArtifactModel:
    return model if signature is UNSIGNED else SignedModel(model, signature)


def _load_sklearn(file: Path, settings: Mapping[str, Any], trusts_types: bool) -> Any:
    if file.suffix != ".skops" and settings.get("serialization_format") != "skops":
        return load_pickle(file)
    named = settings.get(_TRUSTED) or ()
    if not trusts_types:
        hint = f", or set {_SWITCH} to true, which trusts what MLmodel lists" if named else ""
        return load_trusting(file, (), hint)
    trusted = [name for name in untrusted_types(file) if name in named]
    if trusted:
        logger.warning(
            "%s holds types that MLmodel itself trusts: %s. %s=false refuses them.",
            file.name,
            ", ".join(trusted),
            _SWITCH,
        )
    return load_trusting(file, trusted)


def _load_xgboost(file: Path, settings: Mapping[str, Any], _trusts_types: bool) -> Any:
    cls = _class_named(settings.get("model_class", "xgboost.core.Booster"), "xgboost")
    if cls is None:
        return None
    model = cls()
    model.load_model(str(file))
    return model


def _load_lightgbm(file: Path, settings: Mapping[str, Any], trusts_types: bool) -> Any:
    booster = "lightgbm.basic.Booster"
    if settings.get("model_class", booster) == booster:
        return LightGBMReader().load(file)
    return _load_sklearn(file, settings, trusts_types)


def _load_catboost(file: Path, settings: Mapping[str, Any], _trusts_types: bool) -> Any:
    cls = _class_named(f"catboost.{settings.get('model_type', 'CatBoost')}", "catboost")
    if cls is None:
        return None
    return cls().load_model(str(file), settings.get("save_format", "cbm"))


def _load_onnx(file: Path, settings: Mapping[str, Any], _trusts_types: bool) -> Any:
    import onnxruntime

    wanted = settings.get("providers") or _DEFAULT_PROVIDERS
    others = {*onnxruntime.get_available_providers()} - {*_NEEDLESS_PROVIDERS}
    if settings.get("onnx_session_options") or not others <= {*map(str, wanted)}:
        return None
    return OnnxReader().load(file)


def _class_named(name: Any, package: str) -> Any:
    """A class of the framework; None where the model is of another."""
    module, _, attribute = str(name).rpartition(".")
    if module.partition(".")[0] != package:
        return None
    return getattr(importlib.import_module(module), attribute, None)


# Flavour -> (the key that names its file, what loads it as MLflow does, or returns None).
_SHORT_CUTS: Final[Mapping[str, tuple[str, Callable[[Path, Mapping[str, Any], bool], Any]]]] = {
    "sklearn": ("pickled_model", _load_sklearn),
    "xgboost": ("data", _load_xgboost),
    "lightgbm": ("data", _load_lightgbm),
    "catboost": ("data", _load_catboost),
    "onnx": ("data", _load_onnx),
}


def _signature_of(model: Any) -> Signature:
    """Of a pyfunc model."""
    metadata = getattr(model, "metadata", None)
    signature = getattr(metadata, "signature", None)
    hinted = getattr(signature, "_is_signature_from_type_hint", False)
    if signature is None or signature.inputs is None or hinted:
        return read_signature(None)
    return read_signature(signature.inputs.to_json())


def _misfit(exc: Exception) -> str:
    """MLflow's own text quotes the rows."""
    found = _NO_FIT.search(str(exc.__context__ or ""))
    if found is None:
        return "The rows do not fit the signature of the model."
    given, wanted = found["given"], found["wanted"]
    return (
        f"The rows do not fit the signature of the model: column '{found['column']}' has values of "
        f"type {given}, which cannot become {wanted} without a change."
    )

"""PyTorch: whole modules (``.pth``) and TorchScript (``.pt``)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, is_a
from datarobot_drum.drum.model.artifacts.networks.tensors import (
    matrix,
    require_probabilities,
    with_rows,
)
from datarobot_drum.drum.model.artifacts.own_code import is_of
from datarobot_drum.drum.model.columns import check_count
from datarobot_drum.drum.model.predictor import ClassLabels, Dense

# Rows by columns, and a layer's inputs by its outputs.
_UNFIT: Final = re.compile(r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)")


class TorchModel(ArtifactModel):
    """A module over one tensor of its weights' type: its columns are the classes by position."""

    names: tuple[str, ...] | None = None
    dense = Dense.AT_ONCE

    def __init__(self, module: Any, classifies: bool = False) -> None:
        import torch

        self._module = module
        self._classifies = classifies
        self.own_code = all(is_of(part, ("torch",)) for part in module.modules())
        weights = (*module.parameters(), *module.buffers())
        weight = next((w for w in weights if w.is_floating_point()), None)
        self._options = {} if weight is None else {"dtype": weight.dtype, "device": weight.device}
        # numpy has no bfloat16, and half of a float's digits are read before they are rounded.
        self._dtype = "float64" if self._options.get("dtype") is torch.float64 else "float32"

    def predict(self, data: Any) -> Any:
        import torch

        rows = torch.tensor(matrix(data, self._dtype)).to(**self._options)
        with torch.inference_mode():
            try:
                result = self._module(rows)
            except RuntimeError as error:
                _check_width(rows.shape[1], str(error))
                raise
        if not is_a(result, "torch", "Tensor"):
            raise ValueError(
                f"The module returned a {type(result).__name__}, not a tensor of shape (rows, "
                "columns): let 'forward' return the predictions alone, or take them out in a "
                "score hook."
            )
        if self._classifies:
            require_probabilities(result.dtype, result.is_floating_point())
        result = result.detach().cpu()
        result = result.float() if result.dtype is torch.bfloat16 else result
        return with_rows(result.numpy(), len(rows))


def _check_width(given: int, error: str) -> None:
    """Only a module that has run can tell how many columns it takes.

    Raises:
        ColumnsError: its first layer takes another number.
    """
    found = _UNFIT.search(error)
    if found is not None and int(found[1]) == given:
        check_count(given, int(found[2]))


class TorchReader:
    framework: ClassVar[str] = "torch"
    package: ClassVar[str] = "torch"
    modules: ClassVar[tuple[str, ...]] = ("torch",)
    extensions: ClassVar[tuple[str, ...]] = (".pth", ".pt")

    def load(self, path: Path) -> Any:
        import torch

        device = None if torch.cuda.is_available() else "cpu"
        if _is_torchscript(path):
            module = torch.jit.load(str(path), map_location=device)
        else:
            module = torch.load(path, map_location=device, weights_only=False)
        return module.eval() if self.recognises(module) else module

    def recognises(self, model: Any) -> bool:
        return is_a(model, "torch", "Module")

    def adapt(
        self, model: Any, target_type: TargetType, labels: ClassLabels | None
    ) -> ArtifactModel:
        return TorchModel(model, target_type.is_classification())


def weights_alone(model: Any) -> str:
    """What to do with weights that came without their module; empty for anything else.

    A ``score`` hook may well know the module, so this is for folders that have none.
    """
    if _is_state_dict(model):
        what = "a state dict: the weights of a PyTorch module without the module"
    elif isinstance(model, Mapping) and any(map(_is_state_dict, model.values())):
        what = "a PyTorch checkpoint: weights and other state without the module"
    elif is_a(model, "torch", "Tensor"):
        what = "a single PyTorch tensor"
    else:
        return ""
    return (
        f".\nThe file holds {what}. Save the whole module with torch.save(module, ...), save it as "
        "TorchScript, or add a load_model hook that makes the module and calls load_state_dict"
    )


def _is_state_dict(model: Any) -> bool:
    return (
        isinstance(model, Mapping)
        and len(model) > 0
        and all(is_a(value, "torch", "Tensor") for value in model.values())
    )


def _is_torchscript(path: Path) -> bool:
    """Both formats are zip archives; only a script carries its constants apart."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())

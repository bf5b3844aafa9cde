"""PyTorch: whole modules (``.pth``) and TorchScript (``.pt``)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, ClassVar

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.model.artifacts.base import ArtifactModel, float_matrix, is_a
from datarobot_drum.drum.model.predictor import ClassLabels


class TorchModel(ArtifactModel):
    """A module over a float32 tensor: its columns are the classes by position."""

    names: tuple[str, ...] | None = None

    def __init__(self, module: Any) -> None:
        self._module = module
        self._weight = next(iter(module.parameters()), None)

    def predict(self, data: Any) -> Any:
        import torch

        device = None if self._weight is None else self._weight.device
        with torch.inference_mode():
            result = self._module(torch.tensor(float_matrix(data), device=device))
        return result.cpu().numpy()


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
        return TorchModel(model)


def _is_torchscript(path: Path) -> bool:
    """Both formats are zip archives; only a script carries its constants apart."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())

"""skops: scikit-learn models in a file that cannot run code when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from datarobot_drum.drum.model.artifacts.sklearn import SklearnReader


class SkopsReader(SklearnReader):
    """Loads; what it loads is then recognised as a scikit-learn model."""

    package: ClassVar[str] = "skops"
    modules: ClassVar[tuple[str, ...]] = ("skops",)
    extensions: ClassVar[tuple[str, ...]] = (".skops",)

    def load(self, path: Path) -> Any:
        """Load a file of trusted types only.

        Raises:
            ValueError: it holds types that skops does not know to be harmless.
        """
        from skops.io import get_untrusted_types, load

        untrusted = get_untrusted_types(file=path)
        if untrusted:
            raise ValueError(
                f"{path.name} holds types that are not trusted: {untrusted}. If you trust them, "
                "load the file in a load_model hook"
            )
        return load(path, trusted=[])

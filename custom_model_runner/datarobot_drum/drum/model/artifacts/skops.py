"""skops: scikit-learn models in a file that cannot run code when it is read."""

from __future__ import annotations

from collections.abc import Collection
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
        return load_trusting(path, ())


def untrusted_types(path: Path) -> list[str]:
    """The types in the file that skops does not know to be harmless."""
    from skops.io import get_untrusted_types

    types: list[str] = get_untrusted_types(file=path)
    return types


def load_trusting(path: Path, trusted: Collection[str], hint: str = "") -> Any:
    """Load a file of harmless types and of those in ``trusted``.

    Args:
        hint: what else to do than to load the file in a hook, for the error's text.

    Raises:
        ValueError: it holds other types; the text names them.
    """
    from skops.io import load

    untrusted = untrusted_types(path)
    refused = [name for name in untrusted if name not in trusted]
    if refused:
        raise ValueError(
            f"{path.name} holds types that are not trusted: {refused}. If you trust them, "
            f"load the file in a load_model hook{hint}"
        )
    return load(path, trusted=untrusted)

"""For compatibility only: reads ``model-metadata.yaml`` for tools that look into folders."""

from __future__ import annotations

from typing import Any

from datarobot_drum.drum.model.metadata import read_metadata


def read_model_metadata_yaml(code_dir: str) -> dict[str, Any] | None:
    """The metadata of a model folder, text scalars; None when it has no such file.

    Raises:
        StartupError: the file cannot be used; the text names key and line.
    """
    metadata = read_metadata(str(code_dir))
    return None if metadata is None else dict(metadata)

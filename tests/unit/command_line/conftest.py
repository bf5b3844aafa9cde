"""A folder that the command line may name."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    (tmp_path / "labels.txt").write_text("\ufeffcat\n\ndog\nfox\n", encoding="utf-8")
    return str(tmp_path.resolve())

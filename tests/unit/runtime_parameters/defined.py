"""Definitions and values of runtime parameters."""

from __future__ import annotations

import os
from collections.abc import Callable

Folder = Callable[..., str]


def put(name: str, text: str) -> None:
    os.environ[f"MLOPS_RUNTIME_PARAM_{name}"] = text


def define(name: str, kind: str, **more: object) -> dict[str, object]:
    return {"fieldName": name, "type": kind, **more}

"""What a client can ask for, whatever the path it used."""

from __future__ import annotations

from enum import Enum


class Operation(str, Enum):
    PING = "ping"
    HEALTH = "health"
    LIVEZ = "livez"
    READYZ = "readyz"
    INFO = "info"
    CAPABILITIES = "capabilities"
    STATS = "stats"
    PREDICT = "predict"
    TRANSFORM = "transform"
    PREDICT_UNSTRUCTURED = "predict_unstructured"
    CHAT = "chat"
    MODELS = "models"
    DIRECT_ACCESS = "direct_access"

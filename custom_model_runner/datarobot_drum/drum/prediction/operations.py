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
    METRICS = "metrics"
    PREDICT = "predict"
    TRANSFORM = "transform"
    PREDICT_UNSTRUCTURED = "predict_unstructured"
    CHAT = "chat"
    MODELS = "models"
    DIRECT_ACCESS = "direct_access"
    V2_SERVER = "v2_server"
    V2_LIVE = "v2_live"
    V2_READY = "v2_ready"
    V2_MODEL = "v2_model"
    V2_MODEL_READY = "v2_model_ready"
    V2_INFER = "v2_infer"

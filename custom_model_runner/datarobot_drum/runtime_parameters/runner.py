"""Parameters that the runner itself reads: no model has to define them."""

from __future__ import annotations

from typing import Final

_PREFIXES: Final = ("DRUM_", "NIM_", "DR_NIM_")

RUNNER_NAMES: Final = frozenset(
    {
        "CUSTOM_MODEL_WORKERS",
        "HuggingFaceToken",
        "LLM_ID",
        "NGC_API_KEY",
        "OTEL_SDK_DISABLED",
        "USE_NIM_WATCHDOG",
        "default_parallelism",
        "gpu_memory_utilization",
        "max_model_len",
        "max_tokens",
        "max_watchdog_backoff_sec",
        "max_watchdog_restarts",
        "model",
        "n",
        "prompt_column_name",
        "served_model_name",
        "system_prompt",
        "temperature",
        "verifySSL",
    }
)


def is_runner_parameter(name: str) -> bool:
    return name in RUNNER_NAMES or name.startswith(_PREFIXES)


def plain_kind(value: object) -> str:
    """The type of a value that has no definition.

    Raises:
        ValueError: neither text, number, boolean nor empty.
    """
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "numeric"
    if value is None or isinstance(value, str):
        return "string"
    raise ValueError("value must be text, a number, true or false")

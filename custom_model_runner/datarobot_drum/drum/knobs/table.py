"""All the parameters that configure the runner itself, by name and by section.

Each is declared once, as the field of the section whose users need it. A new parameter is a new
field; checks, error texts and ``docs/settings.md`` come from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final

from datarobot_drum.drum.knobs import predicting, serving
from datarobot_drum.drum.knobs.knob import METADATA_KEY, Knob

# In the order of docs/settings.md.
SECTIONS: Final[tuple[type[Any], ...]] = (
    serving.ServerChoice,
    serving.ProcessSettings,
    serving.HttpSettings,
    serving.GunicornSettings,
    serving.FastApiSettings,
    serving.TlsSettings,
    serving.AccessSettings,
    predicting.ServiceSettings,
    predicting.ArtifactSettings,
    predicting.TelemetrySettings,
    predicting.LogSettings,
)


def knobs_of(section: type[Any]) -> dict[str, Knob]:
    """The parameters that fill the section, by field."""
    return {
        entry.name: entry.metadata[METADATA_KEY]
        for entry in fields(section)
        if METADATA_KEY in entry.metadata
    }


KNOBS: Final[tuple[Knob, ...]] = tuple(
    entry for section in SECTIONS for entry in knobs_of(section).values()
)
# All names of a parameter lead to the same entry.
KNOB_BY_NAME: Final[Mapping[str, Knob]] = MappingProxyType(
    {name: entry for entry in KNOBS for name in entry.names}
)


def other_names(name: str) -> tuple[str, ...]:
    """The names that mean the same parameter; none for what is not the runner's."""
    entry = KNOB_BY_NAME.get(name)
    return () if entry is None else tuple(other for other in entry.names if other != name)

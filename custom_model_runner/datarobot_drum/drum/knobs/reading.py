"""Runtime parameters -> sections of the settings. Nobody else asks for a parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.knob import Knob
from datarobot_drum.drum.knobs.table import KNOB_BY_NAME, KNOBS, knobs_of
from datarobot_drum.runtime_parameters import RuntimeParameters

S = TypeVar("S")

_UNSET: Final = object()


def read(section: type[S], **otherwise: object) -> S:
    """One section of the settings, its fields filled by the parameters that are set.

    Args:
        otherwise: the fields that no parameter fills, and what another one is while its
            parameter is not set.

    Raises:
        SettingError: a value is out of range, or two names of a parameter do not agree.
    """
    values = dict(otherwise)
    for name, knob in knobs_of(section).items():
        value = _value(knob)
        if value is not _UNSET:
            values[name] = value
    make: Callable[..., S] = section
    return make(**values)


def check_all() -> None:
    """Raise ``SettingError`` if any parameter that is set, whoever reads it, is out of range."""
    for knob in KNOBS:
        _value(knob)


def _value(knob: Knob) -> object:
    """What the parameter is set to, or else its twin."""
    found = {}
    for name in filter(RuntimeParameters.has, knob.names):
        raw = RuntimeParameters.get(name)
        if not (knob.empty_is_unset and _is_empty(raw)):
            found[name] = raw
    values = {name: knob.parse(raw, name) for name, raw in found.items()}
    if values:
        first, *others = values
        for other in others:
            if values[other] != values[first]:
                raise SettingError(
                    f"{first} is {knob.shown(found[first])}, but {other}, another name of the same"
                    f" parameter, is {knob.shown(found[other])}. Set one of them."
                )
        return values[first]
    return _UNSET if knob.twin is None else _value(KNOB_BY_NAME[knob.twin])


def _is_empty(raw: object) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())

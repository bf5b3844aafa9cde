"""Parameters that are set and mean nothing: misspelt ones, and those of another server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Final

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.table import KNOB_BY_NAME, KNOBS
from datarobot_drum.drum.utils.nearest import did_you_mean, nearest
from datarobot_drum.runtime_parameters import RuntimeParameters

PREFIX: Final = RuntimeParameters.namespaced_param_name("")
# Names that begin so are the runner's, unless the model defines them.
_OWN: Final = "DRUM_"
_LIKE_THE_PREFIX: Final = re.compile("(MLOPS|ML_OPS)?_?RUNTIME_?PARAM", re.IGNORECASE)
# Names without it are the model's own, of which there may be any.
_NEARLY_THE_SAME: Final = 0.9
# Of the incumbent's features that are not there: what sets them is no mistake.
WITHOUT_EFFECT: Final = frozenset(
    {
        "DRUM_JAVA_CUSTOM_CLASS_PATH",
        "DRUM_JAVA_CUSTOM_PREDICTOR_CLASS",
        "DRUM_JAVA_XMX",
        "DRUM_OPENAI_CLIENT_TIMEOUT",
        "NIM_DIRECT_ACCESS_REQUEST_TIMEOUT",
        "NIM_WATCHDOG_MAX_ATTEMPTS",
        "NIM_WATCHDOG_REQUEST_TIMEOUT",
        "USE_NIM_WATCHDOG",
    }
)
_KNOWN: Final = frozenset(KNOB_BY_NAME) | WITHOUT_EFFECT
# The command line says of it what a server makes of it.
_WORKERS: Final = "CUSTOM_MODEL_WORKERS"


def refuse_unknown(
    environ: Mapping[str, str], variables: Set[str], defined: Callable[[], Iterable[str]]
) -> None:
    """Refuse parameters that bear a name of the runner's and that no server knows.

    Args:
        environ: with what a values file has put there.
        variables: the names of those that were there before.
        defined: the parameters that the model defines, which are its own.

    Raises:
        SettingError: the text has the name, where it stands and the nearest one there is.
    """
    strange = [name for name in _parameters(environ) if name.startswith(_OWN)]
    strange = [name for name in strange if name not in _KNOWN]
    if not strange:
        return
    own = frozenset(defined())
    for name in strange:
        if name in own:
            continue
        variable = f"{PREFIX}{name}"
        place = f"the variable {variable}" if variable in variables else "the values file"
        advice = did_you_mean(name, _KNOWN | own) or (
            ". If it is the model's own, define it in the section 'runtimeParameterDefinitions' of"
            " model-metadata.yaml."
        )
        raise SettingError(f"Unknown runtime parameter {name} in {place}{advice}")


def without_effect(environ: Mapping[str, str], server: str, own: Iterable[str] = ()) -> list[str]:
    """A sentence for each parameter that is set and changes nothing on the server.

    Args:
        own: the parameters that the model defines.
    """
    names = [name for name in _parameters(environ) if name not in own]
    found = [
        f"The runtime parameter {name} has no effect on the {server} server, only on"
        f" {' and '.join(KNOB_BY_NAME[name].servers)}."
        for name in names
        if name in KNOB_BY_NAME and name != _WORKERS and server not in _acts_on(name, names)
    ]
    found += [
        f"The runtime parameter {name} has no effect: what it belongs to is not there yet."
        for name in names
        if name in WITHOUT_EFFECT
    ]
    found += [
        f"The runtime parameter {name} is none of the runner's{meant}"
        for name in names
        if name not in _KNOWN and (meant := did_you_mean(name, KNOB_BY_NAME, _NEARLY_THE_SAME))
    ]
    found += [
        f"The variable {name} has no effect: a runtime parameter's has the prefix {PREFIX}."
        for name in environ
        if _lacks_the_prefix(name, environ)
    ]
    return found


def _lacks_the_prefix(name: str, environ: Mapping[str, str]) -> bool:
    if name.startswith(PREFIX):
        return False
    if _LIKE_THE_PREFIX.match(name):  # misspelt, as with PARAMS
        return any(name.upper().endswith(f"_{knob}") for knob in KNOB_BY_NAME)
    if PREFIX + name in environ:
        return False
    return name == _WORKERS or (name.startswith(_OWN) and nearest(name, KNOB_BY_NAME) is not None)


def _parameters(environ: Mapping[str, str]) -> list[str]:
    return sorted(name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX))


def _acts_on(name: str, given: Iterable[str]) -> set[str]:
    """The servers that mind the parameter, also in the place of another that is not set."""
    knob = KNOB_BY_NAME[name]
    servers = set(knob.servers)
    for other in KNOBS:
        if other.twin in knob.names and not set(other.names) & set(given):
            servers.update(other.servers)
    return servers

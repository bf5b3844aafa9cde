"""What every run starts with: options, runtime parameters, logging."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Final, TypeAlias

from datarobot_drum.drum import logs, masking
from datarobot_drum.drum.command_line import arguments
from datarobot_drum.drum.enum import ArgumentsOptions
from datarobot_drum.drum.knobs.strangers import refuse_unknown
from datarobot_drum.drum.knobs.table import other_names
from datarobot_drum.drum.settings import log_settings
from datarobot_drum.runtime_parameters import RuntimeParameters
from datarobot_drum.runtime_parameters.loader import (
    defined_names,
    load_defaults,
    load_values_file,
)

_Situation: TypeAlias = tuple[tuple[str, ...], frozenset[tuple[str, str]]]

# Set for a process that starts again by itself: its user has been told everything.
STARTED_AGAIN: Final = "DRUM_MODEL_IS_UNFIT_TO_SHARE"

_VARIABLES: Final = arguments.variables()

_remembered: dict[_Situation, argparse.Namespace] = {}


def setup_options() -> argparse.Namespace:
    """The checked options of this process.

    Puts runtime parameters (values file, the model's defaults) and the effective ``ADDRESS``
    into the environment, and sets logging up. The launchers call it again, without
    arguments: as long as the command line and the variables it depends on are the same,
    they get the same object and nothing is read twice.

    Raises:
        SystemExit: argparse answered or refused (see ``arguments.parse``).
        DrumCommonException: options that do not go together.
        RuntimeParameterException: a runtime parameter, its definition or its file is wrong.
        SettingError: a runtime parameter that no server knows.
    """
    options = _remembered.get(_situation())
    if options is None:
        options = _set_up()
        _remembered.clear()
        _remembered[_situation()] = options
    return options


def _set_up() -> argparse.Namespace:
    masking.hide_those_in(os.environ)
    options = arguments.parse(sys.argv[1:], os.environ)
    if options.subparser_name in arguments.UNBUILT:
        return options
    logs.configure(options)
    variables = frozenset(os.environ)
    if options.runtime_params_file is None:
        load_defaults(options.code_dir, other_names)
    else:
        load_values_file(options.runtime_params_file, options.code_dir, other_names)
    refuse_unknown(os.environ, variables, partial(defined_names, options.code_dir))
    # Those of the values file, and the model's own.
    masking.hide_those_in(os.environ)
    masking.hide_value("api_token", getattr(options, "api_token", None))
    logs.use_json(log_settings().as_json)
    if options.subparser_name == ArgumentsOptions.SERVER:
        os.environ["ADDRESS"] = options.address
    return options


def _situation() -> _Situation:
    return tuple(sys.argv), frozenset(_relevant(os.environ).items())


def _relevant(environ: Mapping[str, str]) -> dict[str, str]:
    prefix = RuntimeParameters.PARAM_PREFIX
    return {
        name: text
        for name, text in environ.items()
        if name in _VARIABLES or name.startswith(prefix)
    }

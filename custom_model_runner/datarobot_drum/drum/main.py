"""Run the command that the options name. New commands arrive here."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from datarobot_drum.drum.enum import CUSTOM_FILE_NAME, ArgumentsOptions
from datarobot_drum.drum.exceptions import UsageError
from datarobot_drum.drum.utils.setup import setup_options


def main() -> None:
    """Run the chosen command to its end.

    Raises:
        UsageError: the command is not built yet.
        SystemExit: the command ended with an exit code of its own.
        DrumException: the command failed; the text says why.
    """
    options = setup_options()
    run = _COMMANDS.get(options.subparser_name)
    if run is None:
        raise UsageError(f"this version of drum has no '{options.subparser_name}' yet")
    run(options)


def _score(options: argparse.Namespace) -> None:
    from datarobot_drum.drum.commands import score
    from datarobot_drum.drum.model.folder import find_user_file
    from datarobot_drum.drum.model.local import build_predictor
    from datarobot_drum.drum.serving.tuning import load_cheaply
    from datarobot_drum.drum.settings import Settings

    _end_like_ctrl_c()
    settings = Settings.from_options(options)
    if find_user_file(settings.model.code_dir, f"{CUSTOM_FILE_NAME}.py") is not None:
        # Only code of the user's can ask for it, and the import takes time.
        from datarobot_drum.drum.utils.event_loops import give_event_loop

        give_event_loop()
    score.run(settings, partial(load_cheaply, partial(build_predictor, settings.model)))


def _server(options: argparse.Namespace) -> None:
    from datarobot_drum.drum.flask.run_flask import run_flask
    from datarobot_drum.drum.settings import Settings

    run_flask(Settings.from_options(options))


def _end_like_ctrl_c() -> None:
    # A command that is told to stop cleans up what it wrote; only the main thread may ask.
    if threading.current_thread() is threading.main_thread():
        from datarobot_drum.drum.serving import children, ending, signals

        children.begin_without_handlers()
        signal.signal(signal.SIGTERM, signals.interrupt)
        ending.limit_end(ending.COMMAND)


_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], None]]] = {
    ArgumentsOptions.SCORE: _score,
    ArgumentsOptions.SERVER: _server,
}

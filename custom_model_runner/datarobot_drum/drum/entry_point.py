"""Where ``drum`` starts: find out which server is wanted, and import only that one."""

from __future__ import annotations

import os
from typing import Final

from datarobot_drum.drum import logs
from datarobot_drum.drum.enum import ArgumentsOptions, ServerType
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.knobs.serving import SERVERS
from datarobot_drum.drum.knobs.strangers import without_effect
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.main import main
from datarobot_drum.drum.model.folder import find_user_file
from datarobot_drum.drum.settings import server_choice
from datarobot_drum.drum.utils.nearest import did_you_mean
from datarobot_drum.drum.utils.others_code import lose_what_cannot_be_written
from datarobot_drum.drum.utils.setup import STARTED_AGAIN, setup_options
from datarobot_drum.drum.utils.shortage import Complaint
from datarobot_drum.runtime_parameters import RuntimeParameters
from datarobot_drum.runtime_parameters.loader import defined_names

SERVER_TYPE_PARAMETER: Final = "DRUM_SERVER_TYPE"
UNUSED_EXTENSION_PARAMETER: Final = "DRUM_UNUSED_EXTENSION"

STDOUT_LOST: Final = "What is printed to stdout is lost: %s"

logger = get_drum_logger("entry_point")


def run_drum_server() -> None:
    """Run the command that the user typed; ``server`` on the server that is chosen.

    Raises:
        ValueError: ``DRUM_SERVER_TYPE`` names no server.
        StartupError: the folder extends only other servers than the one that was chosen.
    """
    options = setup_options()
    if options.subparser_name != ArgumentsOptions.SERVER:
        logs.wrap_streams("stderr")
        main()
        return
    lose_what_cannot_be_written(Complaint(logger, STDOUT_LOST).tell)
    logs.wrap_streams("stdout", "stderr")
    # The command `score` does without what the servers share.
    from datarobot_drum.drum.serving.tuning import require_descriptors

    require_descriptors()
    server_type = _get_server_type()
    code_dir = getattr(options, "code_dir", None)
    if isinstance(code_dir, str) and STARTED_AGAIN not in os.environ:
        _mind_unused_extension(server_type, code_dir)
        for sentence in without_effect(os.environ, server_type, defined_names(code_dir)):
            logger.warning("%s", sentence)
    if server_type == ServerType.GUNICORN.value:
        from datarobot_drum.drum.gunicorn.run_gunicorn import main_gunicorn

        main_gunicorn()
    elif server_type == ServerType.FASTAPI.value:
        from datarobot_drum.drum.fastapi.run_uvicorn import main_uvicorn

        main_uvicorn()
    else:
        main()


def _get_server_type() -> str:
    """``flask``, ``gunicorn`` or ``fastapi``; flask unless the parameter is set.

    Raises:
        ValueError: the parameter names no server.
    """
    if not RuntimeParameters.has(SERVER_TYPE_PARAMETER):
        return ServerType.FLASK.value
    name = str(RuntimeParameters.get(SERVER_TYPE_PARAMETER)).lower()
    if name not in SERVERS:
        raise ValueError(
            f"Invalid {SERVER_TYPE_PARAMETER}: '{name}'. Valid options are: {', '.join(SERVERS)}"
            + ("" if name.strip() else ". It must not be empty.")
            + did_you_mean(name, SERVERS)
        )
    return SERVERS[name].value


def _mind_unused_extension(server_type: str, code_dir: str) -> None:
    """A folder that extends only servers other than the chosen one may guard the door with it.

    Raises:
        StartupError: the server was chosen, and nobody has said that a warning will do.
    """
    flask = _found(code_dir, "custom_flask.py")
    fastapi = _found(code_dir, "custom_fastapi.py")
    if bool(flask) == bool(fastapi) or bool(fastapi) == (server_type == ServerType.FASTAPI.value):
        return
    unused, wanted = (flask, "'flask' or 'gunicorn'") if flask else (fastapi, "'fastapi'")
    text = (
        f"{unused} is not used by the {server_type} server:"
        f" to use it, set the runtime parameter {SERVER_TYPE_PARAMETER} to {wanted}"
    )
    if RuntimeParameters.has(SERVER_TYPE_PARAMETER) and server_choice().unused_extension != "warn":
        raise StartupError(f"{text}; to serve without it, set {UNUSED_EXTENSION_PARAMETER}=warn.")
    logger.warning("%s.", text)


def _found(code_dir: str, name: str) -> str | None:
    try:
        path = find_user_file(code_dir, name)
    except StartupError:
        return name  # several: a server that uses them refuses to start
    return None if path is None else str(path)

"""Where ``drum`` starts: find out which server is wanted, and import only that one."""

from __future__ import annotations

from typing import Final

from datarobot_drum.drum.enum import ArgumentsOptions, ServerType
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.knobs.serving import SERVERS
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.main import main
from datarobot_drum.drum.model.folder import find_user_file
from datarobot_drum.drum.utils.setup import setup_options
from datarobot_drum.runtime_parameters import RuntimeParameters

SERVER_TYPE_PARAMETER: Final = "DRUM_SERVER_TYPE"

logger = get_drum_logger("entry_point")


def run_drum_server() -> None:
    """Run the command that the user typed; ``server`` on the server that is chosen.

    Raises:
        ValueError: ``DRUM_SERVER_TYPE`` names no server.
    """
    options = setup_options()
    if options.subparser_name != ArgumentsOptions.SERVER:
        main()
        return
    server_type = _get_server_type()
    _warn_of_unused_extension(server_type, getattr(options, "code_dir", None))
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
        )
    return SERVERS[name].value


def _warn_of_unused_extension(server_type: str, code_dir: object) -> None:
    """One warning when the folder extends only servers other than the chosen one."""
    if not isinstance(code_dir, str):
        return
    flask = _holds(code_dir, "custom_flask.py")
    fastapi = _holds(code_dir, "custom_fastapi.py")
    if flask == fastapi or fastapi == (server_type == ServerType.FASTAPI.value):
        return
    unused, wanted = (
        ("custom_flask.py", "'flask' or 'gunicorn'")
        if flask
        else ("custom_fastapi.py", "'fastapi'")
    )
    logger.warning(
        "%s is not used by the %s server: to use it, set the runtime parameter %s to %s.",
        unused,
        server_type,
        SERVER_TYPE_PARAMETER,
        wanted,
    )


def _holds(code_dir: str, name: str) -> bool:
    try:
        return find_user_file(code_dir, name) is not None
    except StartupError:
        return True  # several: a server that uses them refuses to start

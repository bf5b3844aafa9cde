"""Runs the commands of a page, one after the other, in a folder of their own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.documents.pages import Command
from tests.servers.harness import PROGRAM, Server, environment, running_server

ADDRESS = "127.0.0.1:8080"


def play(commands: tuple[Command, ...], folder: Path) -> list[tuple[Command, str]]:
    """What each command wrote to stdout, or the server that it started answered.

    A `drum server` goes on until the next one or the end; it listens on a free port.
    `pip` and `python` are left to others: the environment has all, the artifact is there.

    Raises:
        AssertionError: a command failed, a server ended in another way than with status 0, or
            an answer has another status than the page says.
    """
    told: list[tuple[Command, str]] = []
    variables: dict[str, str] = {}
    with ExitStack() as stack:
        server: Server | None = None
        for command in commands:
            if command.program == "export":
                variables |= command.variables
            elif command.words[:2] == ["drum", "server"]:
                server = serve(command, folder, variables, stack)
                told.append((command, server.get("/readyz")[1].decode()))
            elif command.words[:2] == ["drum", "score"]:
                told.append((command, score(command, folder, variables)))
            elif command.program == "curl":
                assert server is not None, "nothing is served yet"
                told.append((command, ask(command, folder, server)))
            else:
                assert command.program in ("pip", "python"), command.line
    return told


def serve(command: Command, folder: Path, variables: dict[str, str], stack: ExitStack) -> Server:
    """The server with the options of the page; only folder and port are the test's."""
    words = command.words[2:]
    options = dict(zip(words[::2], words[1::2], strict=True))
    code_dir = folder / options.pop("--code-dir")
    assert options.pop("--address").endswith(":8080")
    arguments = [word for pair in options.items() for word in pair]
    set_by_the_page = {**variables, **command.variables}
    server = stack.enter_context(
        running_server(code_dir, None, *arguments, env=set_by_the_page, measured=False)
    )
    # Before the harness ends it in its own way, which asks for no status.
    stack.callback(lambda: ended_well(server))
    return server


def ended_well(server: Server) -> None:
    assert server.stop() == 0, server.output()


def score(command: Command, folder: Path, variables: dict[str, str]) -> str:
    env = environment({**variables, **command.variables}, measured=False)
    return run([sys.executable, *PROGRAM, *command.words[1:]], folder, env)


def ask(command: Command, folder: Path, server: Server) -> str:
    line = command.line.replace(ADDRESS, f"127.0.0.1:{server.port}")
    words = [*shlex.split(line, comments=True), "-sS", "-w", "\n%{http_code}"]
    answer, _, status = run(words, folder, dict(os.environ)).rpartition("\n")
    assert int(status) == command.status, f"{command.line}\n{answer}"
    return answer


def run(words: list[str], folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}\n{done.stderr}"
    return done.stdout

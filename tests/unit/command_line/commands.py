"""The command line as tests give it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest

from datarobot_drum.drum.command_line.arguments import parse

Env = dict[str, str]


def server(folder: str, *words: str, env: Env | None = None) -> argparse.Namespace:
    return parse(["server", "-cd", folder, "--address", "localhost:6789", *words], env or {})


def score(folder: str, *words: str, env: Env | None = None) -> argparse.Namespace:
    return parse(["score", "-cd", folder, "--input", f"{folder}/rows.csv", *words], env or {})


def usage_error(
    capsys: pytest.CaptureFixture[str], argv: Sequence[str], env: Env | None = None
) -> str:
    with pytest.raises(SystemExit) as caught:
        parse(argv, env or {})
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert out == ""
    return err

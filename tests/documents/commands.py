"""Whether a documented command names what exists, without running it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import yaml

from datarobot_drum.drum.command_line.arguments import COMMANDS
from datarobot_drum.drum.command_line.options import OPTIONS as OPTIONS_OF_DRUM
from datarobot_drum.drum.command_line.options import options_of
from datarobot_drum.drum.knobs.table import KNOB_BY_NAME
from tests.documents.pages import ROOT, Command

PACKAGE = "custom-model-runner"
EXTRAS = metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
MARKERS = re.findall(r'^  "(\w+): ', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
PARAMETER = "MLOPS_RUNTIME_PARAM_"
# Where a script's own options are declared; the others hand theirs on to pytest.
OPTIONS = {
    "scripts/bench": "benchmarks/serving.py",
    "scripts/demo": "scripts/demo.py",
    "scripts/fuzz": "tests/fuzz/fuzz.py",
}
HANDED_ON = ("scripts/test", "scripts/test-oldest", "scripts/test-next")


def check(command: Command, folder: Path) -> None:
    """Raise an AssertionError where the command, given in `folder`, names what is not there."""
    for name, value in command.variables.items():
        if name.startswith(PARAMETER + "DRUM_"):
            KNOB_BY_NAME[name.removeprefix(PARAMETER)].parse(value)
    program, arguments = command.program, command.words[1:]
    if program.startswith("scripts/"):
        check_script(program, arguments)
    else:
        CHECKS[program](arguments, folder)


def check_script(script: str, arguments: list[str]) -> None:
    assert (ROOT / script).stat().st_mode & 0o111, script
    if script in HANDED_ON:
        check_pytest(arguments, ROOT)
    elif script in OPTIONS:
        check_options(ROOT / OPTIONS[script], arguments)
    else:
        assert arguments in ([], ["serve"]), f"{script} {arguments}"


def check_options(source: Path, arguments: list[str]) -> None:
    text = source.read_text()
    for option in (word for word in arguments if word.startswith("--")):
        assert f'add_argument("{option}"' in re.sub(r"\(\s+", "(", text), f"{source} {option}"


def check_pytest(arguments: list[str], _folder: Path) -> None:
    for word, after in pairwise([*arguments, ""]):
        if word == "-k":
            assert after == "NAME" or after in names_of_tests(), after
        elif word == "-m":
            assert after.removeprefix("not ") in MARKERS, after
        elif word.startswith("tests/"):
            assert (ROOT / word).exists(), word
        elif word.startswith("-"):
            assert word == "-s", word


def names_of_tests() -> str:
    """Of files, functions and their parameters, as far as these stand in the files."""
    files = [*(ROOT / "tests").rglob("*.py")]
    return "".join(f"{path.name}\n{path.read_text()}" for path in files)


def check_python(arguments: list[str], folder: Path) -> None:
    if arguments == ["-m", "datarobot_drum"]:
        return
    script = next(home / arguments[0] for home in (folder, ROOT) if (home / arguments[0]).is_file())
    check_options(script, arguments[1:])


def check_pip(arguments: list[str], _folder: Path) -> None:
    assert arguments[0] == "install"
    known = {name_of(requirement) for requirement in metadata.requires(PACKAGE) or []}
    for word in arguments[1:]:
        if word.startswith("."):
            assert set(re.findall(r"[\w-]+", word)) <= set(EXTRAS), word
        elif word == "--index-url":
            break
        else:
            assert name_of(word) in known, word


def name_of(requirement: str) -> str:
    return re.split(r"[\[=<>!;~ ]", requirement)[0].lower()


def check_drum(arguments: list[str], _folder: Path) -> None:
    if arguments == ["--help"]:
        return
    command, *words = arguments
    assert command in COMMANDS
    known = {option.name: option for option in options_of(command)}
    given = {word: after for word, after in pairwise([*words, ""]) if word.startswith("--")}
    assert set(given) <= set(known), given
    for name, value in given.items():
        assert not known[name].choices or value in known[name].choices, value


def check_curl(arguments: list[str], _folder: Path) -> None:
    assert any(re.match("http://127.0.0.1:8080/", word) for word in arguments)


def check_docker(arguments: list[str], folder: Path) -> None:
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    for option, value in pairwise(arguments):
        if option == "-f":
            assert (ROOT / value).is_file(), value
        elif option == "--build-arg":
            name, extras = value.split("=")
            assert f"\nARG {name}=" in image
            assert set(extras.split(",")) <= set(EXTRAS)
        elif option == "-v":
            _, inside, mode = value.rsplit(":", 2)
            assert (f"CODE_DIR={inside} " in image, mode) == (True, "ro")
        elif option == "-p":
            assert f"\nEXPOSE {value.split(':')[1]}\n" in image
    assert arguments[0] in ("build", "run", "compose")


def check_kubectl(arguments: list[str], _folder: Path) -> None:
    kind, name = arguments[-1].split("/")
    manifest = yaml.safe_load((ROOT / "deploy" / "kubernetes" / f"{kind}.yaml").read_text())
    assert (manifest["kind"].lower(), manifest["metadata"]["name"]) == (kind, name)
    assert arguments[:2] == ["rollout", "undo"]


CHECKS: Mapping[str, Callable[[list[str], Path], None]] = {
    "curl": check_curl,
    "docker": check_docker,
    "drum": check_drum,
    "export": lambda arguments, folder: None,
    "kubectl": check_kubectl,
    "pip": check_pip,
    "pytest": check_pytest,
    "python": check_python,
}


def options_of_drum() -> set[str]:
    """All of them, those that are refused too."""
    return {option.name for option in OPTIONS_OF_DRUM}

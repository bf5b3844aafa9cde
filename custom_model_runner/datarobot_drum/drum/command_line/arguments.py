"""Command line and environment -> checked options.

An option on the command line, in any spelling that argparse knows, beats the variable that
stands in for it: variables are read only for options that argparse did not meet.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from datarobot_drum import __version__
from datarobot_drum.drum.command_line.options import OPTIONS, Option, boolean, options_of
from datarobot_drum.drum.command_line.refusals import LabelsError, read_class_labels, refuse
from datarobot_drum.drum.command_line.usage import Parser, refuse_unknown_options
from datarobot_drum.drum.enum import ArgumentsOptions as Args

COMMANDS: Final[Mapping[str, str]] = {
    Args.SCORE: "predict the rows of a file with the model of a folder",
    Args.SERVER: "serve the model of a folder over HTTP",
}
_VERSION: Final = "--version"
UNBUILT: Final = (Args.FIT, Args.VALIDATION, Args.PERF_TEST, Args.NEW, Args.PUSH)

# Of two options that say the same, naming one keeps the other's variable out.
_RIVALS: Final[Mapping[str, str]] = {
    Args.CLASS_LABELS: Args.CLASS_LABELS_FILE,
    Args.CLASS_LABELS_FILE: Args.CLASS_LABELS,
    Args.MONITOR: Args.MONITOR_EMBEDDED,
    Args.MONITOR_EMBEDDED: Args.MONITOR,
}


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """The options of one run; ``subparser_name`` is the sub-command.

    A sub-command that is not built yet comes back with nothing but its name.

    Args:
        argv: the words after ``drum``.
        environ: the variables that stand in for options.

    Raises:
        SystemExit: help or version was asked for (0), no sub-command (1), or a value that
            cannot be used (2, with the reason on stderr).
        DrumCommonException: options that do not go together, or a feature that is not there.
    """
    parser, parsers = build_parser(environ)
    _answer_shell(parser, environ)
    if not argv:
        parser.print_help()
        raise SystemExit(1)
    if argv[0] in UNBUILT:
        return argparse.Namespace(subparser_name=argv[0])
    _refuse_unknown(parser, parsers, argv)
    given, strange = parser.parse_known_args(argv)
    command_parser = parsers[given.subparser_name]
    if strange:
        command_parser.error(f"unrecognized arguments: {' '.join(strange)}")
    options = _merge(given, environ, command_parser)
    _check_labels(options, given, command_parser)
    refuse(options, set(vars(given)))
    return options


def build_parser(
    environ: Mapping[str, str],
) -> tuple[Parser, dict[str, Parser]]:
    """The parser of ``drum`` and those of its sub-commands by name."""
    parser = Parser(prog="drum", description="Serve, score and check a folder that holds a model.")
    parser.add_argument(_VERSION, action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(
        dest="subparser_name", title="commands", required=True, metavar=None
    )
    parsers = {}
    for command, text in COMMANDS.items():
        parsers[command] = subparsers.add_parser(command, help=text, description=text)
        for option in options_of(command):
            _add(parsers[command], option, environ)
    return parser, parsers


def _refuse_unknown(parser: Parser, parsers: Mapping[str, Parser], argv: Sequence[str]) -> None:
    if argv[0] not in parsers:
        first = next((i for i, word in enumerate(argv) if not word.startswith("-")), len(argv))
        refuse_unknown_options(parser, argv[:first], [_VERSION], [_VERSION])
        return
    options = list(options_of(argv[0]))
    names = [name for option in options for name in (option.name, option.short) if name]
    shown = [option.name for option in options if option.help != argparse.SUPPRESS]
    refuse_unknown_options(parsers[argv[0]], argv[1:], names, shown)


def variables() -> frozenset[str]:
    """All variables that stand in for an option."""
    return frozenset(name for option in OPTIONS for name in option.env)


def show_stacktrace_given(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether a failure is to be shown with its traceback, also before options are parsed."""
    shortest = "--show-s"
    for word in argv:
        if word.startswith(shortest) and Args.SHOW_STACKTRACE.startswith(word):
            return True
    try:
        return boolean(environ.get("SHOW_STACKTRACE") or "no")
    except argparse.ArgumentTypeError:
        return False


def _add(parser: argparse.ArgumentParser, option: Option, environ: Mapping[str, str]) -> None:
    names = [option.short, option.name] if option.short else [option.name]
    keywords: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(option)}
    if option.flag:
        parser.add_argument(*names, action="store_true", **keywords)
        return
    keywords["required"] = option.required and _variable(option, environ) is None
    parser.add_argument(
        *names,
        type=option.convert,
        choices=option.choices or None,
        metavar=option.metavar,
        nargs="+" if option.many else None,
        **keywords,
    )


def _help(option: Option) -> str:
    if option.help == argparse.SUPPRESS or not option.env:
        return option.help
    return f"{option.help} [{option.env[0]}]"


def _variable(option: Option, environ: Mapping[str, str]) -> str | None:
    """The variable that stands in for an option: the first one that is not empty."""
    return next((name for name in option.env if environ.get(name)), None)


def _merge(
    given: argparse.Namespace, environ: Mapping[str, str], parser: argparse.ArgumentParser
) -> argparse.Namespace:
    options = argparse.Namespace(subparser_name=given.subparser_name)
    words = vars(given)
    named = {option.name for option in OPTIONS if option.dest in words}
    for option in options_of(given.subparser_name):
        value = False if option.flag else option.default
        variable = _variable(option, environ)
        if option.name in named:
            value = words[option.dest]
        elif variable is not None and _RIVALS.get(option.name) not in named:
            value = _from_variable(option, variable, environ[variable], parser)
        setattr(options, option.dest, value)
    return options


def _from_variable(
    option: Option, variable: str, text: str, parser: argparse.ArgumentParser
) -> Any:
    try:
        if option.flag:
            return boolean(text)
        if option.many:
            return text.split()
        value = option.convert(text)
        if option.choices and value not in option.choices:
            choices = ", ".join(map(repr, option.choices))
            raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {choices})")
        return value
    except argparse.ArgumentTypeError as error:
        parser.error(f"environment variable {variable}: {error}")


def _check_labels(
    options: argparse.Namespace, given: argparse.Namespace, parser: argparse.ArgumentParser
) -> None:
    try:
        options.class_labels = read_class_labels(options, set(vars(given)))
    except LabelsError as error:
        parser.error(str(error))


def _answer_shell(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Answer the shell's request for completions; nothing to do in any other run."""
    if "_ARGCOMPLETE" not in environ:
        return
    try:
        import argcomplete
    except ImportError:
        sys.stderr.write("drum: completion needs the package argcomplete" + os.linesep)
        return
    argcomplete.autocomplete(parser)

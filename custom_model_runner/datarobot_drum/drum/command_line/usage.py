"""How a wrong command line is refused: the error, what was probably meant, where to read more."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NoReturn

from datarobot_drum.drum.enum import ArgumentsOptions as Args
from datarobot_drum.drum.utils.nearest import did_you_mean

EXIT_USAGE: Final = 2

# What other servers and tools call it.
_OTHER_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("host", "port", "bind", "listen", "p"), Args.ADDRESS),
    **dict.fromkeys(("model", "model-dir", "model-path", "folder", "dir", "d"), Args.CODE_DIR),
    **dict.fromkeys(("data", "file", "csv", "i"), Args.INPUT),
    "o": Args.OUTPUT,
    "w": Args.MAX_WORKERS,
}
_NUMBER: Final = re.compile(r"-\d+$|-\d*\.\d+$")
_HELP: Final = ("-h", "--help")
_CHOICE: Final = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)$")


class Parser(argparse.ArgumentParser):
    """Refuses without the list of all options, which would hide what is wrong."""

    def error(self, message: str) -> NoReturn:
        choice = _CHOICE.search(message)
        if choice is not None:
            message += did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        # Texts of the contract point there themselves.
        pointer = "" if _HELP[1] in message else f"See '{self.prog} --help'.\n"
        self.exit(EXIT_USAGE, f"{self.prog}: error: {message}\n{pointer}")


def refuse_unknown_options(
    parser: Parser, words: Sequence[str], known: Iterable[str], shown: Iterable[str]
) -> None:
    """Refuse options that do not exist, before anything is said of what is missing.

    Args:
        words: what was typed; ``--`` ends the options.
        known: options; a beginning of one stands for it, and a value may follow a short one.
        shown: those of them that do something.
    """
    names = [*known, *_HELP]
    typed = words[: words.index("--")] if "--" in words else words
    given = [word.partition("=")[0] for word in typed if _is_option(word)]
    unknown = [word for word in given if not any(_stands_for(word, name) for name in names)]
    if unknown and not any(word in _HELP for word in typed):
        meant = _meant(unknown[0], [*shown, _HELP[1]])
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")


def _is_option(word: str) -> bool:
    """As argparse tells them: neither a number nor anything with a space in it."""
    return len(word) > 1 and word[0] == "-" and " " not in word and not _NUMBER.match(word)


def _stands_for(word: str, name: str) -> bool:
    is_short = not name.startswith("--")
    return name.startswith(word) or (is_short and word.startswith(name))


def _meant(word: str, names: Sequence[str]) -> str:
    other = _OTHER_NAMES.get(word.lstrip("-").replace("_", "-").lower())
    return f". Did you mean '{other}'?" if other in names else did_you_mean(word, names)

"""How a wrong command line is refused: the error, what was probably meant, where to read more."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

from datarobot_drum.drum.utils.nearest import did_you_mean

EXIT_USAGE: Final = 2

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


def refuse_unknown_options(parser: Parser, words: Sequence[str], known: Iterable[str]) -> None:
    """Refuse long options that do not exist, before anything is said of what is missing.

    Args:
        words: what was typed; ``--`` ends the options.
        known: long options; a beginning of one stands for it.
    """
    names = [*known, _HELP[1]]
    typed = words[: words.index("--")] if "--" in words else words
    given = [word.partition("=")[0] for word in typed if word.startswith("--")]
    unknown = [word for word in given if not any(name.startswith(word) for name in names)]
    if unknown and not any(word in _HELP for word in typed):
        meant = did_you_mean(unknown[0], names)
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")

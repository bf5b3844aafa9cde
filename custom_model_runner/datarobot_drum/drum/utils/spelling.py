"""How frameworks spell the names of columns that are not plain words."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

_NOT_IN_A_WORD: Final = re.compile(r"\W")


class Spelling(Enum):
    """AS_IT_IS: most of them. BLANKS: LightGBM writes an underscore for each blank. IDENTIFIER:
    skl2onnx writes one for whatever does not stand in an identifier, and before a digit.
    """

    AS_IT_IS = "as it is"
    BLANKS = "blanks"
    IDENTIFIER = "identifier"

    def of(self, name: str) -> str:
        """The name as the framework spells it."""
        if self is Spelling.AS_IT_IS:
            return name
        if self is Spelling.BLANKS:
            return name.replace(" ", "_")
        word = _NOT_IN_A_WORD.sub("_", name)
        return f"_{word}" if word[:1].isdigit() else word

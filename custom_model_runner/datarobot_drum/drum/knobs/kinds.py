"""What a parameter of the runner may hold, and what becomes of it."""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from datarobot_drum.drum.utils.truth import truth

T_co = TypeVar("T_co", covariant=True)

NOT_SET: Final = "not set"


class Kind(ABC, Generic[T_co]):
    """One kind of values.

    Attributes:
        range_text: the values it takes, as an error and the documentation say it.
    """

    range_text: str

    @abstractmethod
    def parse(self, raw: object) -> T_co:
        """The value that a runtime parameter's value stands for.

        Raises:
            ValueError: it is of another kind, or out of range.
        """

    def show(self, value: object) -> str:
        """A value as the documentation says it."""
        return NOT_SET if value is None else str(value)


class Number(Kind[float]):
    """Both bounds are inclusive."""

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        self.maximum = maximum
        # In full: `g` would write 1e+06.
        self.range_text = f"a number from {minimum:.15g} to {maximum:.15g}"

    def parse(self, raw: object) -> float:
        number = float(str(raw))
        if not self.minimum <= number <= self.maximum:
            raise ValueError
        return number


class Whole(Kind[int]):
    """A number without a fraction; both bounds are inclusive."""

    def __init__(self, minimum: int, maximum: int) -> None:
        self._number = Number(minimum, maximum)
        self.minimum = minimum
        self.maximum = maximum
        self.range_text = f"a whole number from {minimum} to {maximum}"

    def parse(self, raw: object) -> int:
        number = self._number.parse(raw)
        if not number.is_integer():
            raise ValueError
        return int(number)


class OrOff(Kind[T_co | None]):
    """Numbers of which 0 means none: the value is then None."""

    def __init__(self, numbers: Kind[T_co]) -> None:
        self.numbers = numbers
        self.range_text = numbers.range_text

    def parse(self, raw: object) -> T_co | None:
        return self.numbers.parse(raw) or None


class Flag(Kind[bool]):
    range_text = "true or false"

    def parse(self, raw: object) -> bool:
        value = truth(str(raw))
        if value is None:
            raise ValueError
        return value

    def show(self, value: object) -> str:
        return super().show(value).lower()


class Choice(Kind[T_co]):
    """Words in any case, lower case in the mapping, and what each stands for."""

    def __init__(self, words: Mapping[str, T_co]) -> None:
        self.words = words
        self.range_text = "one of " + ", ".join(words)

    def parse(self, raw: object) -> T_co:
        word = str(raw).strip().lower()
        if word not in self.words:
            raise ValueError
        return self.words[word]

    def show(self, value: object) -> str:
        return next(word for word, meaning in self.words.items() if meaning == value)


def one_of(*words: str) -> Choice[str]:
    return Choice({word: word for word in words})


class Text(Kind[str]):
    range_text = "text"

    def parse(self, raw: object) -> str:
        # The text of nothing, or of a credential's fields, would be a token to guess.
        if not isinstance(raw, str | int | float) or not str(raw).strip():
            raise ValueError
        return str(raw).strip()


class Token(Kind[str]):
    """What nobody must guess, and what must be found wherever it is told."""

    SHORTEST: Final = 16
    range_text = f"text of at least {SHORTEST} characters"

    def parse(self, raw: object) -> str:
        if not isinstance(raw, str) or len(raw.strip()) < self.SHORTEST:
            raise ValueError
        return raw.strip()


class Networks(Kind[str]):
    range_text = "'*', or addresses and networks like 10.0.0.0/8 with commas between them"

    def parse(self, raw: object) -> str:
        words = [word.strip() for word in Text().parse(raw).split(",")]
        for word in words:
            if word != "*":
                ipaddress.ip_network(word)
        return ",".join(words)


class Origins(Kind[tuple[str, ...]]):
    """Of web pages, as a browser writes them into the header ``Origin``."""

    range_text = "'*', or origins like https://example.com with commas between them"

    def parse(self, raw: object) -> tuple[str, ...]:
        words = Text().parse(raw).split(",")
        origins = tuple(word.strip().rstrip("/") for word in words if word.strip())
        if not origins or not all(map(_is_origin, origins)):
            raise ValueError
        return origins

    def show(self, value: object) -> str:
        return ", ".join(value) if isinstance(value, tuple) else super().show(value)


def _is_origin(text: str) -> bool:
    return text == "*" or re.fullmatch(r"\w[\w+.-]*://[^/\s*]+", text) is not None

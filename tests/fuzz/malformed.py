"""Malformed requests, as the bytes that go over the wire. The same seed makes the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz.malformed_bodies import (
    bomb,
    deep_json,
    mutated_body,
    mutated_request,
    nul,
    odd_csv,
    odd_form,
    odd_json,
    odd_matrix,
    random_body,
    random_bytes,
    truncated_form,
    wrong_encoding,
)
from tests.fuzz.malformed_heads import (
    chunked,
    huge_headers,
    odd_headers,
    odd_line,
    odd_target,
    wrong_length,
)


@dataclass(frozen=True)
class Malformed:
    """One request; ``kind`` names what is wrong with it."""

    kind: str
    data: bytes


KINDS: tuple[Callable[[Random], bytes], ...] = (
    *(mutated_request, mutated_request, mutated_body, mutated_body, truncated_form, odd_form),
    *(wrong_length, huge_headers, odd_headers, random_bytes, random_body, deep_json, odd_json),
    *(nul, wrong_encoding, odd_csv, odd_matrix, bomb, chunked, odd_target, odd_line),
)


def malformed(random: Random) -> Malformed:
    """One request of some kind."""
    make = random.choice(KINDS)
    return Malformed(make.__name__, make(random))

"""Malformed and unusual requests, as bytes that go over the wire. A seed makes the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz.framing import announced, expecting, negotiated, odd_chunks
from tests.fuzz.malformed_bodies import (
    bomb,
    deep_json,
    mutated_body,
    mutated_request,
    mutated_table,
    nul,
    odd_csv,
    odd_form,
    odd_json,
    odd_matrix,
    random_body,
    random_bytes,
    table,
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
from tests.fuzz.tensors import odd_tensors


@dataclass(frozen=True)
class Malformed:
    """One request; ``kind`` names what is wrong with it."""

    kind: str
    data: bytes


KINDS: tuple[Callable[[Random], bytes], ...] = (
    *(mutated_request, mutated_request, mutated_body, mutated_body, truncated_form, odd_form),
    *(wrong_length, huge_headers, odd_headers, random_bytes, random_body, deep_json, odd_json),
    *(nul, wrong_encoding, odd_csv, odd_matrix, bomb, chunked, odd_target, odd_line),
    *(table, table, mutated_table, mutated_table, odd_tensors, odd_tensors, odd_chunks, odd_chunks),
    *(announced, expecting, negotiated, negotiated),
)


def malformed(random: Random) -> Malformed:
    """One request of some kind."""
    make = random.choice(KINDS)
    return Malformed(make.__name__, make(random))

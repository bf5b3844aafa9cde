"""A secret drawn for a run, and the spellings in which it must not be found anywhere."""

from __future__ import annotations

import base64
import html
import json
import os
import random
import re
import secrets
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

VARIABLE = "LEAKS_SEED"
# What is escaped somewhere, and what is not.
SIGNS = "abcdXYZ0189 '\"\\%&+/=<>$#?;:{}[]()äß€😀"
PLAIN = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.~+/"


def seed() -> int:
    """From the environment, else a fresh one, which is left there for the processes of a run."""
    return int(os.environ.setdefault(VARIABLE, str(secrets.randbelow(2**31))))


def repeat_with() -> str:
    return f"repeat with {VARIABLE}={seed()}"


def drawn(draw: random.Random, signs: str = SIGNS, least: int = 16) -> str:
    """A text that begins and ends with a letter: blanks around a value do not count."""
    inner = "".join(draw.choice(signs) for _ in range(draw.randrange(least, least + 12)))
    return f"q{inner}Z"


def drawn_lines(draw: random.Random) -> str:
    """As keys are written."""
    lines = [drawn(draw, PLAIN, 40) for _ in range(4)]
    return "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])


def spellings(secret: str) -> Iterator[str]:
    """As people, programs and protocols write it; of several lines, each by itself too."""
    yield secret
    yield repr(secret)[1:-1]
    yield repr(repr(secret))[2:-2]
    yield ascii(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(json.dumps({"a": secret}))[10:-4]
    yield quote(secret)
    yield quote(secret, safe="")
    yield re.sub("%..", lambda code: code.group().lower(), quote(secret, safe=""))
    yield quote_plus(secret)
    yield "".join(f"%{byte:02x}" for byte in secret.encode())
    yield secret.encode("unicode_escape").decode()
    yield repr(secret.encode())[2:-1]
    yield secret.encode().decode("latin-1")
    yield html.escape(secret)
    yield secret.encode().hex()
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
    yield base64.b64encode(f"user:{secret}".encode()).decode().rstrip("=")
    yield base64.encodebytes(secret.encode()).decode().rstrip("=\n")
    yield from (line for line in secret.split("\n")[1:-2] if "\n" in secret)


def leaks(secret: str, text: str) -> list[str]:
    """The spellings of the secret that a text holds, however a log escapes it once more."""
    once_more = (text, text.replace("\\\\", "\\"), text.replace('\\"', '"'))
    return [form for form in spellings(secret) if any(form in each for each in once_more)]

"""What is told of a file that is no YAML never repeats it."""

from __future__ import annotations

import random

import pytest
import yaml

from datarobot_drum.runtime_parameters.yaml_problem import yaml_problem
from tests import spelled

SLIPS = [
    "a: *{}",
    "a: &{} &b c",
    "a: !{} b",
    "a: !!{} b",
    "a: !{}!b c",
    "a: {{{}",
    "a: [{}",
    "- {}\nb",
]
SLIPS += ["a: '{}", 'a: "\\{}"', "{}: a: b", "{}", "a: b\n {}\n c: d", "%{}\n---", "%TAG {} x\n---"]
SLIPS += [
    "a: !!int {}",
    "a: !!float {}",
    "a: !!timestamp {}",
    "a: !!binary {}ä",
    "a: @{}",
    "a: `{}",
]
SLIPS += ["a: |{}\n b", "%YAML {}\n---", "a: 2024-13-{}", "? {}\n: - a\n b", "*{} : a", "!<{} a"]


@pytest.mark.parametrize("slip", SLIPS)
def test_no_slip_tells_what_stands_beside_it(slip: str) -> None:
    draw = random.Random(spelled.seed())
    signs = "abcXYZ019-_'!:%"
    for _ in range(30):
        secret = spelled.drawn(draw, signs)
        try:
            yaml.safe_load(slip.format(secret))
        except (yaml.YAMLError, ValueError, KeyError, AttributeError) as error:
            told = yaml_problem(error)
            parts = [secret[i : i + 3] for i in range(len(secret) - 2)]
            parts = [part for part in parts if part.isalnum()]
            assert not [part for part in parts if part in told], (told, spelled.repeat_with())
            assert "\n" not in told


def test_signs_and_names_of_the_parser_are_told() -> None:
    for text, told in {
        "a: [": "expected the node content, but found '<stream end>' in line 1",
        "a: @b": "found character '@' that cannot start any token in line 1",
    }.items():
        with pytest.raises(yaml.YAMLError) as caught:
            yaml.safe_load(text)
        assert yaml_problem(caught.value) == told

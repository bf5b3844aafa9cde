"""docs/settings.md is made from the table of knobs."""

import subprocess
import sys
from pathlib import Path

from datarobot_drum.drum.knobs import KNOBS

ROOT = Path(__file__).parents[3]


def test_the_page_is_current():
    done = subprocess.run(
        [sys.executable, "scripts/make_docs.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_every_knob_has_a_row():
    page = (ROOT / "docs" / "settings.md").read_text()
    for knob in KNOBS:
        assert f"\n| `{knob.name}` | {knob.range_text} |" in page


def test_every_default_is_a_value_of_its_own_knob():
    for knob in KNOBS:
        if knob.default is not None:
            assert knob.parse(knob.default) == knob.default

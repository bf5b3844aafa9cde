"""docs/settings.md is made from the table of knobs."""

import re
import subprocess
import sys
from pathlib import Path

from datarobot_drum.drum.knobs.kinds import NOT_SET
from datarobot_drum.drum.knobs.table import KNOBS

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
        row = re.search(rf"^\| `{knob.name}` \| .*$", page, re.M)
        assert row is not None, knob.name
        assert f"| {knob.takes.range_text} |" in row[0]
        assert all(f"`{name}`" in row[0] for name in knob.names)


def test_every_default_is_a_value_of_its_own_knob():
    for knob in KNOBS:
        shown = knob.takes.show(knob.default)
        if shown != NOT_SET:
            assert knob.parse(shown) == knob.default

"""Write `docs/settings.md` from the table of knobs; with --check only say whether it is current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from datarobot_drum.drum.settings import KNOBS, Knob

SETTINGS = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEAD = """\
# Settings

<!-- Made by scripts/make_docs.py from datarobot_drum/drum/settings.py; do not edit. -->

These runtime parameters configure the runner itself. Each can be given in either way, and none
needs a definition in `model-metadata.yaml`:

- as an environment variable with the prefix `MLOPS_RUNTIME_PARAM_`, as a plain word or in the
  platform's form: `MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE=fastapi`, or
  `MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE='{"type": "string", "payload": "fastapi"}'`;
- as a line of the file that `--runtime-params-file` names: `DRUM_SERVER_TYPE: fastapi`. The file
  beats the variable.

A value out of range stops the start with an error that names parameter, value and range; there is
no silent default. "Servers" says where a parameter has an effect.

| parameter | values | default | servers | what it does |
| --- | --- | --- | --- | --- |
"""


def settings_page() -> str:
    return HEAD + "".join(_row(knob) for knob in KNOBS)


def _row(knob: Knob) -> str:
    everywhere = len(knob.servers) == 3
    servers = "all" if everywhere else ", ".join(knob.servers)
    text = knob.help
    if knob.twin:
        text += f" While it is unset, `{knob.twin}` applies."
    cells = (f"`{knob.name}`", knob.range_text, _default(knob), servers, text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(knob: Knob) -> str:
    if knob.default is None:
        return "not set"
    if isinstance(knob.default, bool):
        return str(knob.default).lower()
    return str(knob.default)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check = parser.parse_args().check
    page = settings_page()
    if check:
        if SETTINGS.read_text() == page:
            return 0
        print("docs/settings.md is not current: run scripts/make_docs.py", file=sys.stderr)
        return 1
    SETTINGS.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())

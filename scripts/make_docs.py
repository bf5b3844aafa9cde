"""Write the pages of `docs/` that are made from the code: the settings from the table of knobs,
the OpenAPI description from the table of routes. With --check only say whether they are current.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from datarobot_drum.drum.knobs.knob import ALL_SERVERS, Knob
from datarobot_drum.drum.knobs.table import KNOBS
from datarobot_drum.drum.pages.openapi import describe_routes
from datarobot_drum.drum.serving.routes import ROUTES

DOCS = Path(__file__).resolve().parent.parent / "docs"
OPENAPI_HEAD = (
    "# Made by scripts/make_docs.py from datarobot_drum/drum/serving/routes.py; do not edit.\n"
)

HEAD = """\
# Settings

<!-- Made by scripts/make_docs.py from datarobot_drum/drum/knobs/; do not edit. -->

These runtime parameters configure the runner itself. Each can be given in either way, and none
needs a definition in `model-metadata.yaml`:

- as an environment variable with the prefix `MLOPS_RUNTIME_PARAM_`, as a plain word or in the
  platform's form: `MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE=fastapi`, or
  `MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE='{"type": "string", "payload": "fastapi"}'`;
- as a line of the file that `--runtime-params-file` names: `DRUM_SERVER_TYPE: fastapi`. The file
  beats the variable.

A value out of range stops the start with an error that names parameter, value and range; there is
no silent default. So does a name with `DRUM_` in front that no server knows and the model does not
define; one that has no effect on the chosen server is warned of. "Servers" says where a parameter
has an effect. Of two names of a parameter either will do. A values file beats a variable under the
other name too, and either beats a default; where both stand in one place, their values must be the
same.

Words for true and false are `true`, `t`, `yes`, `y`, `on`, `1` and `false`, `f`, `no`, `n`, `off`,
`0`, `none`, in any case.

| parameter | values | default | servers | what it does |
| --- | --- | --- | --- | --- |
"""


def settings_page() -> str:
    return HEAD + "".join(_row(knob) for knob in KNOBS)


def _row(knob: Knob) -> str:
    servers = "all" if knob.servers == ALL_SERVERS else ", ".join(knob.servers)
    text = knob.help
    if knob.twin:
        text += f" While it is unset, `{knob.twin}` applies."
    if knob.aliases:
        text += f" Also called {', '.join(f'`{name}`' for name in knob.aliases)}."
    shown = knob.takes.show(knob.default)
    cells = (f"`{knob.name}`", knob.takes.range_text, shown, servers, text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


class _Dumper(yaml.SafeDumper):
    """Without anchors: a schema that is used twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def openapi_page() -> str:
    document = describe_routes(ROUTES)
    return OPENAPI_HEAD + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check = parser.parse_args().check
    pages = {"settings.md": settings_page(), "openapi.yaml": openapi_page()}
    stale = [name for name, page in pages.items() if _current(name) != page]
    for name in stale:
        if check:
            print(f"docs/{name} is not current: run scripts/make_docs.py", file=sys.stderr)
        else:
            (DOCS / name).write_text(pages[name])
    return 1 if check and stale else 0


def _current(name: str) -> str | None:
    page = DOCS / name
    return page.read_text() if page.exists() else None


if __name__ == "__main__":
    sys.exit(main())

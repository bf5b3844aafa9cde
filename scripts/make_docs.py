"""Write the pages of `docs/` that are made from the code: the settings from the table of knobs, the
metadata from the table of its keys, the OpenAPI description from the table of routes. With --check
only say whether they are current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from datarobot_drum.drum.knobs.knob import ALL_SERVERS, Knob
from datarobot_drum.drum.knobs.table import KNOBS
from datarobot_drum.drum.model.metadata_keys import DEFINITION, KEYS, Key
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

METADATA_HEAD = """\
# Metadata

<!-- Made by scripts/make_docs.py from datarobot_drum/drum/model/metadata_keys.py; do not edit. -->

What `model-metadata.yaml` at the top of a model folder may say. It is ordinary YAML in UTF-8. An
unknown key, one that is there twice, one that is missing or a value of another kind stops the start
with an error that names key and line. Names and labels are text as they are written:
`positiveClassLabel: yes` is the label `yes`. Words for true and false are those of
[settings.md](settings.md).

```yaml
name: penguins
type: inference
targetType: multiclass
inferenceModel:
  classLabels: [Adelie, Chinstrap, Gentoo]
```

"Target types" says on which a key acts. A default that is an option is the command line's: labels
may be given there instead, and where both give them they have to be the same.

"""
METADATA_COLUMNS = """\
| key | value | default | target types | what it does |
| --- | --- | --- | --- | --- |
"""
DEFINITION_HEAD = """
## Each of `runtimeParameterDefinitions`

Values come from the file of `--runtime-params-file`, or from the environment; see
[settings.md](settings.md). Keys that are not here are left alone; one that is nearly
one of them is warned of.

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


def metadata_page() -> str:
    keys = METADATA_COLUMNS + "".join(_key_rows(KEYS))
    definition = METADATA_COLUMNS + "".join(_key_rows(DEFINITION))
    return METADATA_HEAD + keys + DEFINITION_HEAD + definition


def _key_rows(keys: Sequence[Key], within: str = "") -> list[str]:
    rows = []
    for key in keys:
        default = "required" if key.required else key.default
        if within and key.required:
            default = f"required in `{within.rstrip('.')}`"
        targets = ", ".join(target.value for target in key.targets) or "all"
        cells = (f"`{within}{key.name}`", key.kind.value, default, targets, key.help)
        rows.append("| " + " | ".join(cells) + " |\n")
        rows += _key_rows(key.keys, f"{within}{key.name}.")
    return rows


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
    pages = {"settings.md": settings_page(), "metadata.md": metadata_page()}
    pages["openapi.yaml"] = openapi_page()
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

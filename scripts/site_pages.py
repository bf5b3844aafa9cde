"""mkdocs's hook: the pages of the site that lie outside of `docs/`, and the links between all."""

from __future__ import annotations

import os.path
import re
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/README.md"))
DEPLOY = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "deploy").rglob("*") if path.is_file()
)
DEPLOY_PAGE = "deploy/index.md"
# Where what the repository has appears on the site.
PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "reporting.md",
    "LICENSE": "LICENSE",
    "deploy": DEPLOY_PAGE,
    "examples": "examples/index.md",
    "examples/README.md": "examples/index.md",
    **{f"examples/{name}": f"examples/{name}/index.md" for name in EXAMPLES},
    **{f"examples/{name}/README.md": f"examples/{name}/index.md" for name in EXAMPLES},
    **{path: path for path in DEPLOY},
}
SOURCES = {place: source for source, place in PLACES.items() if (ROOT / source).is_file()}
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", "": "dockerfile"}
LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s#:]+)(?=[)#])")


def on_config(config: Any) -> None:
    """Give every example its line in the navigation."""
    (section,) = [entry["Examples"] for entry in config.nav if "Examples" in entry]
    pages = [f"examples/{name}/index.md" for name in EXAMPLES]
    section += [page for page in pages if page not in section]


def on_files(files: Any, config: Any) -> None:
    from mkdocs.structure.files import File

    for place, source in SOURCES.items():
        if place.endswith(".md"):
            files.append(File.generated(config, place, content=page(source)))
        else:
            files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, DEPLOY_PAGE, content=deploy_page()))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    place = page.file.src_uri
    return with_links(markdown, SOURCES.get(place, f"docs/{place}"), place)


def page(source: str) -> str:
    """A page of the repository; an example's has its code below."""
    path = ROOT / source
    text = path.read_text()
    if path.parent.parent == ROOT / "examples":
        code = [*path.parent.glob("*.py"), *path.parent.glob("*.yaml")]
        text += "".join(_listing(file, file.name) for file in sorted(code))
    return text


def deploy_page() -> str:
    text = "# Deploying\n\nWhat is in `deploy/`, to start from; "
    text += "[operations.md](../operations.md) says how.\n"
    for name in DEPLOY:
        short = name.removeprefix("deploy/")
        if Path(name).suffix in LANGUAGES:
            text += _listing(ROOT / name, short)
        else:
            text += f"\n## {short}\n\n[{short}]({short})\n"
    return text


def _listing(file: Path, title: str) -> str:
    return f"\n## {title}\n\n```{LANGUAGES[file.suffix]}\n{file.read_text().rstrip()}\n```\n"


def with_links(markdown: str, source: str, place: str) -> str:
    """The text of `source`, with its links to files of the repository as they go from `place`."""

    def moved(match: re.Match[str]) -> str:
        target = os.path.normpath(PurePosixPath(source).parent / match["target"])
        goal = PLACES.get(target) or target.removeprefix("docs/")
        if not (ROOT / target).exists() or (goal == target and target not in PLACES):
            return match["target"]
        return os.path.relpath(goal, PurePosixPath(place).parent)

    return LINK.sub(moved, markdown)

"""Whether a built site holds together: no link or anchor that leads nowhere, and nothing that a
browser would fetch from another host. `python scripts/check_site.py FOLDER`.

Links of a reader's own choosing (`<a href="https://...">`) may lead anywhere and are not followed.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHING = {"src", "srcset", "poster", "data", "action", "href", "xlink:href"}
# A style sheet's ways to fetch.
STYLE = re.compile(r"""(?:url\(|@import)\s*['"]?((?:https?:)?//[^'")\s]+)""")


class Page(HTMLParser):
    """What a page offers to link to, and what it links to or fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = STYLE.findall(text)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        if "id" in given:
            self.anchors.add(given["id"])
        if "mermaid" in given.get("class", "").split():
            self.fetched.append("a diagram's script (mermaid)")
        for name in FETCHING & given.keys():
            if urlsplit(given[name]).scheme in ("data", "mailto", "javascript"):
                continue
            if not is_elsewhere(given[name]):
                self.links.append(given[name])
            elif tag != "a":
                self.fetched.append(given[name])


def is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address.strip()).netloc)


def problems(site: Path) -> list[str]:
    """One line for each link to nowhere and each fetch from elsewhere."""
    texts = {path: path.read_text() for path in site.rglob("*.html")}
    pages = {path: Page(text) for path, text in texts.items()}
    found = [
        f"{path.relative_to(site)}: fetches {address}"
        for path, page in pages.items()
        for address in page.fetched
    ]
    for path in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        fetched = STYLE.findall(path.read_text())
        found += [f"{path.relative_to(site)}: fetches {address}" for address in fetched]
    for path, page in pages.items():
        broken = [link for link in page.links if not leads_somewhere(link, path, site, pages)]
        found += [f"{path.relative_to(site)}: {link} leads nowhere" for link in broken]
    return sorted(set(found))


def leads_somewhere(link: str, start: Path, site: Path, pages: dict[Path, Page]) -> bool:
    address = urlsplit(link)
    goal = start
    if address.path:
        parent = site if address.path.startswith("/") else start.parent
        goal = (parent / unquote(address.path).lstrip("/")).resolve()
    if goal.is_dir():
        goal /= "index.html"
    if goal not in pages:
        return goal.is_file() and not address.fragment
    return not address.fragment or unquote(address.fragment) in pages[goal].anchors


def main() -> int:
    site = Path(sys.argv[1]).resolve()
    found = problems(site)
    for line in found:
        print(line, file=sys.stderr)
    count = len(list(site.rglob("*.html")))
    print(f"{count} pages, {len(found)} problems")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main())

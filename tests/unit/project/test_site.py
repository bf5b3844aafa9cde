"""What the site is made of, and what its check finds."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scripts import check_site, site_pages

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("source", "place", "written", "expected"),
    [
        ("README.md", "index.md", "[a](docs/settings.md)", "[a](settings.md)"),
        ("README.md", "index.md", "![a](docs/images/a.svg)", "![a](docs/images/a.svg)"),
        ("README.md", "index.md", "[a](examples/all_hooks)", "[a](examples/all_hooks/index.md)"),
        ("README.md", "index.md", "[a](deploy/)", "[a](deploy/index.md)"),
        ("README.md", "index.md", "[a](https://host/docs)", "[a](https://host/docs)"),
        ("docs/operations.md", "operations.md", "[a](../deploy)", "[a](deploy/index.md)"),
        ("docs/design.md", "design.md", "[a](lifecycle.md#b)", "[a](lifecycle.md#b)"),
        ("examples/README.md", "examples/index.md", "[a](all_hooks)", "[a](all_hooks/index.md)"),
        ("SECURITY.md", "reporting.md", "[a](docs/security.md)", "[a](security.md)"),
        ("docs/security.md", "security.md", "[a](../SECURITY.md)", "[a](reporting.md)"),
        ("README.md", "index.md", "[a](docs/nowhere.md)", "[a](docs/nowhere.md)"),
    ],
)
def test_links_go_where_the_pages_are(source: str, place: str, written: str, expected: str) -> None:
    assert site_pages.with_links(written, source, place) == expected


def test_an_examples_page_has_its_code() -> None:
    text = site_pages.page("examples/token_authentication/README.md")
    for name in ("custom_flask.py", "custom_fastapi.py", "model-metadata.yaml"):
        code = (ROOT / "examples" / "token_authentication" / name).read_text()
        assert f"\n## {name}\n" in text
        assert code.rstrip() in text


def test_every_page_is_in_the_navigation() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    listed = {
        page
        for section in navigation
        for value in section.values()
        for page in (value if isinstance(value, list) else [value])
    }
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= listed
    assert {"index.md", "examples/index.md", "settings.md", "reporting.md"} <= listed


PROBLEMS = {
    '<a href="nowhere/">a</a>': "index.html: nowhere/ leads nowhere",
    '<a href="other.html#c">a</a>': "index.html: other.html#c leads nowhere",
    '<a href="#c">a</a>': "index.html: #c leads nowhere",
    '<script src="https://host/a.js"></script>': "index.html: fetches https://host/a.js",
    '<img src="//host/a.png">': "index.html: fetches //host/a.png",
    '<link href="https://host/font.css" rel="stylesheet">': (
        "index.html: fetches https://host/font.css"
    ),
    "<style>@import 'https://host/a.css';</style>": "index.html: fetches https://host/a.css",
    '<p style="background: url(//host/a.png)">a</p>': "index.html: fetches //host/a.png",
}


def site(folder: Path, page: str) -> Path:
    (folder / "index.html").write_text(page)
    (folder / "other.html").write_text('<h1 id="b">b</h1>')
    (folder / "style.css").write_text("a { background: url(data:image/png;base64,aaaa) }")
    return folder


@pytest.mark.parametrize("page", PROBLEMS)
def test_what_is_found_on_a_page(tmp_path: Path, page: str) -> None:
    assert check_site.problems(site(tmp_path, page)) == [PROBLEMS[page]]


@pytest.mark.parametrize(
    "page",
    [
        '<a href="other.html#b">a</a><a id="c" href="#c">a</a><a href="/other.html">a</a>',
        '<a href="https://host/">a</a><img src="data:image/png;base64,aaaa">',
        '<link href="style.css" rel="stylesheet"><a href="./">a</a>',
    ],
)
def test_what_is_not(tmp_path: Path, page: str) -> None:
    assert check_site.problems(site(tmp_path, page)) == []


def test_style_sheets_fetch_nothing_either(tmp_path: Path) -> None:
    site(tmp_path, "")
    (tmp_path / "style.css").write_text("@font-face { src: url('https://host/a.woff2') }")
    assert check_site.problems(tmp_path) == ["style.css: fetches https://host/a.woff2"]

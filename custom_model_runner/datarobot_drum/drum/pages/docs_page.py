"""An OpenAPI document as one HTML page: no scripts, nothing from another host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 small { color: #666; font-size: 1rem }
details { border: 1px solid #ccc; border-radius: 4px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f4f4f4; border-radius: 3px }
pre { padding: .6rem; overflow-x: auto }
.method { display: inline-block; width: 4rem; font-weight: bold }
td, th { text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0 }
"""


def docs_page(document: Mapping[str, Any], document_url: str) -> str:
    """Render every operation with its bodies, answers, examples and schemas."""
    info = document["info"]
    title = escape(info["title"])
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{title} <small>{escape(info['version'])}</small></h1>",
        *_paragraphs(info.get("description", "")),
        f'<p>As data: <a href="{escape(document_url)}">{escape(document_url)}</a></p>',
        *_operations(document),
        "<h2>schemas</h2>",
        *(
            _fold(f'<code id="{escape(name)}">{escape(name)}</code>', _code(schema))
            for name, schema in document["components"]["schemas"].items()
        ),
        "</body></html>",
    ]
    return "\n".join(parts)


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {tag["name"]: [] for tag in document.get("tags", ())}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = operation.get("tags", ["more"])[0]
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    for tag, rendered in by_tag.items():
        if rendered:
            yield f"<h2>{escape(tag)}</h2>"
            yield from rendered


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    head = (
        f'<span class="method">{method.upper()}</span> <code>{escape(path)}</code>'
        f" {escape(operation.get('summary', ''))}"
    )
    parts = [*_paragraphs(operation.get("description", ""))]
    parts += _parameters(operation.get("parameters", ()))
    if "requestBody" in operation:
        parts += ["<h4>body</h4>", *_content(operation["requestBody"]["content"])]
    for status, response in operation["responses"].items():
        parts.append(f"<h4>{escape(status)} <small>{escape(response['description'])}</small></h4>")
        parts += _content(response.get("content", {}))
    return _fold(head, "\n".join(parts))


def _parameters(parameters: Any) -> Iterator[str]:
    if parameters:
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
            f"<td>{escape(each.get('description', ''))}</td></tr>"
            for each in parameters
        )
        yield f"<h4>parameters</h4><table>{rows}</table>"


def _content(content: Mapping[str, Any]) -> Iterator[str]:
    for media_type, media in content.items():
        yield f"<p><code>{escape(media_type)}</code> {_schema_link(media.get('schema', {}))}</p>"
        if "example" in media:
            yield _code(media["example"])


def _schema_link(schema: Mapping[str, Any]) -> str:
    names = [each.get("$ref", "").rpartition("/")[2] for each in (schema, *schema.get("anyOf", ()))]
    return " or ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names if name)


def _paragraphs(text: str) -> Iterator[str]:
    return (f"<p>{escape(part)}</p>" for part in text.strip().split("\n\n") if part)


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2)
    return f"<pre>{escape(text)}</pre>"


def _fold(head: str, content: str) -> str:
    return f"<details><summary>{head}</summary>\n{content}\n</details>"

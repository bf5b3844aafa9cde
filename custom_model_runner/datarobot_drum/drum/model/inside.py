"""What lies inside of a model folder, and which links lead out of it.

Links within the folder are fine: Kubernetes mounts are made of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NAMED: Final = 5


def is_inside(folder: str | Path, path: str | Path) -> bool:
    """Whether the path lies in the folder once links are followed; it need not exist."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def outside(what: str) -> str:
    """Why it is refused, and what to do."""
    return (
        f"{what} lies outside of the model folder: put the file, not a link, into the folder,"
        " or set DRUM_FILES_OUTSIDE_FOLDER to true, which allows it."
    )


def links_out(code_dir: str) -> list[str]:
    """A sentence that names the links out of the folder; none where there are none.

    Hidden directories are left out, as everywhere: environments are full of such links.
    """
    links = [link for link in _links(code_dir) if not is_inside(code_dir, link)]
    if not links:
        return []
    shown = [f"{os.path.relpath(link, code_dir)} -> {os.readlink(link)}" for link in links[:_NAMED]]
    more = f" and {len(links) - _NAMED} more" if len(links) > _NAMED else ""
    return [
        f"Links lead out of the model folder: {', '.join(shown)}{more}. Whoever can write to what"
        " they lead to can change the model."
    ]


def _links(code_dir: str) -> Iterator[str]:
    for root, folders, files in os.walk(code_dir):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (os.path.join(root, name) for name in (*folders, *sorted(files)))
        yield from filter(os.path.islink, paths)

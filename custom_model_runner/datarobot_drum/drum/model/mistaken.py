"""Files that bear a model's name and hold something else, or only a part of the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from datarobot_drum.drum.exceptions import ModelLoadError
from datarobot_drum.drum.utils.others_code import failing_as

_HEAD_BYTES: Final = 1024
_LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_PAGES: Final = (b"<!doctype html", b"<html", b"<?xml", b"<error>")
_ZIP: Final = b"PK\x03\x04"
_COPY_AGAIN: Final = "copy it again, or save the model again"
# What the frameworks say of a file that ends too early.
_CUT_SHORT: Final = re.compile(
    r"\bEOF\b|\btruncated\b|exhausted before end|Ran out of input|end of (file|stream|document)"
    r"|end-of-stream|required number of bytes|\bincomplete\b|central directory|not a zip file"
    r"|Protobuf parsing failed|json\.cc|string_view\.h|Error -\d while decompressing",
    re.IGNORECASE,
)
_NOT_OF_THE_FILE: Final = (ImportError, AttributeError, ModelLoadError)
_TEXT_FORMATS: Final = ("", ".json", ".txt")
_FAILED: Final = "Could not load model from the artifact file."
_NATIVE_TRACE: Final = "\nStack trace:"


def what_instead(path: Path) -> str | None:
    """What lies there instead of a model, and what to do; None when nothing tells."""
    size = path.stat().st_size
    if size == 0:
        return f"{path.name} is empty: {_COPY_AGAIN}."
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_LFS_POINTER):
        return (
            f"{path.name} is a Git LFS pointer, not the file that it stands for: run "
            "'git lfs pull' where the folder was cloned, and take the folder from there again."
        )
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        return (
            f"{path.name} is a web page (HTML or XML), such as a login or an error page: "
            "download the file itself."
        )
    if _is_cut_short(path, head, size):
        return _cut_short(path)
    return _misnamed(path, head)


def is_lfs_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_LFS_POINTER)) == _LFS_POINTER


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read a model file, or say what is wrong with the file rather than with its reader.

    Raises:
        ModelLoadError: it is no model at all, or only a part of one.
    """
    instead = what_instead(path) if path.is_file() else None
    if instead is not None:
        raise ModelLoadError(f"{_FAILED}\n{instead}")
    with failing_as(partial(_file_error, path)):
        yield


def _file_error(path: Path, exc: BaseException) -> ModelLoadError | None:
    is_of_the_file = isinstance(exc, Exception) and not isinstance(exc, _NOT_OF_THE_FILE)
    if not is_of_the_file:
        return None
    hint = _cut_short(path) if _says_cut_short(exc) else _prose(path)
    return None if hint is None else ModelLoadError(f"{cannot_read(exc)}\n{hint}")


def cannot_read(exc: BaseException) -> str:
    """The failure of a framework, without the stack of its native code."""
    text, trace, _ = str(exc).partition(_NATIVE_TRACE)
    shown = f"{type(exc).__name__}({text!r})" if trace else repr(exc)
    return f"{_FAILED} Exception: {shown}"


def _prose(path: Path) -> str | None:
    """Such as ``404: Not Found``, which a download wrote into the file."""
    if path.suffix.lower() in _TEXT_FORMATS or not path.is_file():
        return None
    if path.stat().st_size > _HEAD_BYTES:
        return None
    text = path.read_bytes().translate(None, b"\r\n\t")
    if not (text.isascii() and text.decode("ascii").isprintable()):
        return None
    return f"{path.name} is a short text, not a model: read it, it may tell why."


def _is_cut_short(path: Path, head: bytes, size: int) -> bool:
    """What can be told before reading: LightGBM ends the process over half a file."""
    if head.startswith(_ZIP):
        import zipfile

        return not zipfile.is_zipfile(path)
    return head.startswith((b"tree\n", b"tree\r\n")) and not _is_whole_lightgbm(path, size)


def _is_whole_lightgbm(path: Path, size: int) -> bool:
    """Whether all the trees are there whose sizes it names, and what begins after them ends."""
    read = 0
    with path.open("rb") as file:
        for line in file:
            read += len(line)
            if line.startswith(b"tree_sizes="):
                read += sum(map(int, line.partition(b"=")[2].split()))
                break
            if line.startswith(b"Tree="):
                return True
        file.seek(min(read, size))
        rest = file.read()
    return read <= size and (b"\nparameters:" not in rest or b"\nend of parameters" in rest)


def _says_cut_short(exc: BaseException) -> bool:
    return isinstance(exc, EOFError) or bool(_CUT_SHORT.search(str(exc)))


def _cut_short(path: Path) -> str:
    return (
        f"{path.name} seems to be cut short or damaged (it has {path.stat().st_size:,} bytes): "
        f"compare its size with the original's, and {_COPY_AGAIN}."
    )


def _misnamed(path: Path, head: bytes) -> str | None:
    if head.startswith(_ZIP) and path.suffix.lower() in (".pkl", ".joblib"):
        return (
            f"{path.name} is a zip archive, not a pickle: name it .pth if torch.save wrote it, "
            ".skops if skops did, .keras if Keras did."
        )
    return None

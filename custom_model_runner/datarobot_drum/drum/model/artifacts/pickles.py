"""Pickles of every kind: what is in the file decides how it is read, not its name."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
from pathlib import Path
from typing import IO, Any, Final

_HEAD_BYTES: Final = 6
# Zlib's and LZ4's streams, and joblib's own of long ago: nobody but joblib writes them bare.
_JOBLIB_ONLY: Final = (b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x04\x22\x4d\x18", b"ZF")
_LZMA: Final = (b"\xfd7zXZ", b"]\x00")
_JOBLIB: Final = ("joblib.", "sklearn.externals.joblib.")


def load_pickle(path: Path) -> Any:
    """The object in a file that pickle, cloudpickle or joblib wrote, compressed or not.

    Joblib is imported only for what needs it.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(_JOBLIB_ONLY):
        return load_joblib(path)
    try:
        with _opened(path, head) as file:
            return _unpickled(file)
    except _WrittenByJoblib:
        return load_joblib(path)


def load_joblib(path: Path) -> Any:
    """The object in a file that joblib reads: its own, and pickles."""
    import joblib

    return joblib.load(path)


class _WrittenByJoblib(Exception):
    """The bytes of an array follow, where pickle expects its next instruction."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name.endswith("ArrayWrapper") and module.startswith(_JOBLIB):
            raise _WrittenByJoblib
        return super().find_class(module, name)


def _unpickled(file: IO[bytes]) -> Any:
    """Unpickle; ``latin1`` reads what Python 2 wrote, which some objects do not bear."""
    try:
        return _Unpickler(file, encoding="latin1").load()
    except TypeError:
        file.seek(0)
        return _Unpickler(file).load()


def _opened(path: Path, head: bytes) -> Any:
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(path)
    if head.startswith(b"BZh"):
        return bz2.open(path)
    if head.startswith(_LZMA):
        return lzma.open(path)
    return path.open("rb")

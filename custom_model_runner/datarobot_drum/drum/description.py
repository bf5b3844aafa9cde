"""For compatibility only: the version, under the name that tools import."""

from __future__ import annotations

from datarobot_drum import __version__ as version

__all__ = ["version"]

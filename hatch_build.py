"""Compiles the reader of CSV rows into a wheel or an editable installation (a hook of hatchling's).

Where there is no compiler, or it fails, the package is the same without it: reading is slower, and
the wheel fits every platform. `CC=false pip install .` leaves it out. Run as a program, this
compiles it into the checkout: `python hatch_build.py`.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface as Hook
except ImportError:  # as a program
    Hook = object

ROOT = Path(__file__).parent
FOLDER = "custom_model_runner/datarobot_drum/drum/prediction/payload/csv"
SOURCE = ROOT / FOLDER / "cells.c"
LIBRARY = ROOT / FOLDER / "cells.so.1"
# No fused operations: a product that is not rounded before it is added to gives other digits.
FLAGS = ("-O3", "-std=c11", "-Wall", "-Wextra", "-fPIC", "-shared", "-ffp-contract=off")


class CustomBuildHook(Hook):
    """Puts the library into the wheel, which then is one for a platform and any Python."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if compile_library():
            build_data["artifacts"].append(f"/{FOLDER}/{LIBRARY.name}")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform_tag()}"


def compile_library() -> bool:
    """Whether there is a library now; a process that uses an older one keeps it."""
    LIBRARY.unlink(missing_ok=True)
    new = LIBRARY.with_name(f"{LIBRARY.name}.{os.getpid()}")
    compiler = shlex.split(os.environ.get("CC") or "cc")
    # It needs no other library, so that it does not matter which C library built it.
    alone = ["-nostdlib"] if sys.platform == "linux" else []
    try:
        subprocess.run([*compiler, *FLAGS, *alone, "-o", new, SOURCE], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The reader of CSV rows is not compiled, and rows are read slower: {error}")
        new.unlink(missing_ok=True)
        return False
    new.replace(LIBRARY)
    return True


def platform_tag() -> str:
    """The platform as wheels call it."""
    name = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if not name.startswith("linux_"):
        return name
    libc = "manylinux_2_17" if platform.libc_ver()[0] == "glibc" else "musllinux_1_1"
    return name.replace("linux", libc, 1)


if __name__ == "__main__":
    sys.exit(0 if compile_library() else 1)

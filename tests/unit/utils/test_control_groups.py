"""The limits of the process's own group and of those around it, wherever they are mounted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.utils.control_groups import (
    memory_group,
    memory_limit,
    processor_limit,
)

MOUNT = "{number} 31 0:{number} {top} {point} rw,nosuid shared:9 - {kind} {kind} rw{options}\n"
V2 = MOUNT.format(number=31, top="/", point="/sys/fs/cgroup", kind="cgroup2", options="")
UNLIMITED_V1 = "9223372036854771712\n"


def v1(controllers: str, top: str = "/", point: str | None = None) -> str:
    place = point or f"/sys/fs/cgroup/{controllers}"
    options = f",{controllers}"
    return MOUNT.format(number=35, top=top, point=place, kind="cgroup", options=options)


def lay_out(root: Path, cgroup: str, mounts: str, files: Mapping[str, str]) -> Path:
    """A file system's root; ``files`` by their path below the folder of the groups."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    noise = "22 1 8:1 / / rw - ext4 /dev/vda rw\n31 1 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    (root / "proc/self/mountinfo").write_text(noise + mounts)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def limits(root: Path) -> tuple[int | None, float | None]:
    return memory_limit(root), processor_limit(root)


def test_the_own_group_of_v2(tmp_path: Path) -> None:
    files = {"a/b/memory.max": "200\n", "a/b/cpu.max": "150000 100000\n"}
    assert limits(lay_out(tmp_path, "0::/a/b\n", V2, files)) == (200, 1.5)


@pytest.mark.parametrize(
    ("own", "around", "least"), [("max", "300", 300), ("200", "300", 200), ("300", "200", 200)]
)
def test_the_least_of_a_group_and_those_around_it(
    tmp_path: Path, own: str, around: str, least: int
) -> None:
    files = {
        "memory.max": "max\n",
        "pod/memory.max": f"{around}\n",
        "pod/box/memory.max": f"{own}\n",
        # Of a stranger.
        "other/memory.max": "1\n",
    }
    root = lay_out(tmp_path, "0::/pod/box/deep\n", V2, files)
    assert memory_limit(root) == least


def test_processors_of_the_groups_around(tmp_path: Path) -> None:
    files = {"pod/cpu.max": "50000 100000\n", "pod/box/cpu.max": "max 100000\n"}
    assert processor_limit(lay_out(tmp_path, "0::/pod/box\n", V2, files)) == 0.5


def test_a_namespace_shows_the_own_group_as_the_top(tmp_path: Path) -> None:
    files = {"memory.max": "200\n", "cpu.max": "200000 100000\n"}
    assert limits(lay_out(tmp_path, "0::/\n", V2, files)) == (200, 2)


def test_the_own_groups_of_v1(tmp_path: Path) -> None:
    files = {
        "memory/pod/memory.limit_in_bytes": UNLIMITED_V1,
        "memory/pod/box/memory.limit_in_bytes": "200\n",
        "cpu,cpuacct/pod/cpu.cfs_quota_us": "300000\n",
        "cpu,cpuacct/pod/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/pod/box/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/pod/box/cpu.cfs_period_us": "100000\n",
    }
    cgroup = "9:name=systemd:/x\n4:memory:/pod/box\n2:cpu,cpuacct:/pod/box\n0::/x\n"
    mounts = v1("memory") + v1("cpu,cpuacct")
    assert limits(lay_out(tmp_path, cgroup, mounts, files)) == (200, 3)


def test_a_container_of_v1_sees_its_own_part_of_the_tree_only(tmp_path: Path) -> None:
    files = {"memory/memory.limit_in_bytes": "200\n"}
    cgroup = "4:memory:/docker/0123\n"
    assert memory_limit(lay_out(tmp_path, cgroup, v1("memory", "/docker/0123"), files)) == 200


@pytest.mark.parametrize(
    ("path", "top"), [("/docker/0123", "/elsewhere"), ("/../0123", "/"), ("/", "/../..")]
)
def test_a_group_that_the_mount_does_not_show(tmp_path: Path, path: str, top: str) -> None:
    mount = MOUNT.format(number=31, top=top, point="/sys/fs/cgroup", kind="cgroup2", options="")
    root = lay_out(tmp_path, f"0::{path}\n", mount, {"memory.max": "200\n"})
    assert memory_limit(root) == 200


def test_both_versions_at_once(tmp_path: Path) -> None:
    """As systemd's hybrid layout has it: v2 without controllers beside v1."""
    files = {"memory/a/memory.limit_in_bytes": "200\n", "unified/a/cgroup.procs": "1\n"}
    mount = MOUNT.format(
        number=31, top="/", point="/sys/fs/cgroup/unified", kind="cgroup2", options=""
    )
    root = lay_out(tmp_path, "4:memory:/a\n0::/a\n", mount + v1("memory"), files)
    assert memory_limit(root) == 200


def test_mounted_elsewhere_under_a_name_with_a_blank(tmp_path: Path) -> None:
    mount = MOUNT.format(
        number=31, top="/", point="/my\\040groups", kind="cgroup2", options=",nsdelegate"
    )
    root = lay_out(tmp_path, "0::/a:b\n", mount, {})
    (root / "my groups/a:b").mkdir(parents=True)
    (root / "my groups/a:b/memory.max").write_text("200\n")
    assert memory_limit(root) == 200


@pytest.mark.parametrize("text", ["max\n", UNLIMITED_V1, "nonsense", ""])
def test_no_limit(tmp_path: Path, text: str) -> None:
    files = {"memory.max": text, "cpu.max": text}
    assert limits(lay_out(tmp_path, "0::/\n", V2, files)) == (None, None)


def test_where_the_groups_usually_are(tmp_path: Path) -> None:
    """A sandbox may show the files without telling of mounts."""
    folder = tmp_path / "sys/fs/cgroup/memory"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("200\n")
    assert memory_limit(tmp_path) == 200


def test_a_system_without_groups(tmp_path: Path) -> None:
    assert limits(tmp_path) == (None, None)


def test_what_is_used_is_that_of_the_group_with_the_least_limit(tmp_path: Path) -> None:
    files = {"pod/memory.max": "200\n", "pod/memory.current": "100\n", "pod/box/memory.max": "300"}
    root = lay_out(tmp_path, "0::/pod/box\n", V2, files)
    group = memory_group(root)
    assert group is not None
    assert group.used == root / "sys/fs/cgroup/pod/memory.current"
    assert group.peak == root / "sys/fs/cgroup/pod/memory.peak"


@given(st.text(alphabet="/.:ab\\0 \n-,", max_size=60), st.text(alphabet="/. -\\04a", max_size=60))
def test_no_text_leads_out_of_the_mount_or_fails(
    tmp_path_factory: pytest.TempPathFactory, cgroup: str, mounts: str
) -> None:
    root = tmp_path_factory.mktemp("root")
    (root / "memory.max").write_text("1\n")
    lay_out(root / "inner", f"0::{cgroup}\n", V2 + mounts, {"memory.max": "200\n"})
    assert memory_limit(root / "inner") == 200

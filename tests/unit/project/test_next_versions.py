"""What `scripts/test-next` lifts, and what it tells at its end."""

from __future__ import annotations

import json
from pathlib import Path

from scripts import next_versions

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def write_junit(folder: Path, cases: str) -> Path:
    path = folder / "junit.xml"
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return path


def test_the_servers_whose_insides_we_use_are_bounded() -> None:
    assert next_versions.bounded(PROJECT.read_text()) == ["gunicorn", "uvicorn"]


def test_what_a_bound_is() -> None:
    text = '"a>=1", "B_c[d,e]>=1.0,<2", "f==1", "g>=1; python_version < \'3.11\'", "h<3"'
    assert next_versions.bounded(text) == ["b-c", "h"]


def test_the_report_names_versions_and_failures(tmp_path: Path) -> None:
    junit = write_junit(
        tmp_path,
        """
        <testcase classname="tests.test_a" file="tests/test_a.py" name="test_good" />
        <testcase classname="tests.test_a.TestC" file="tests/test_a.py" name="test_bad[1]">
          <failure message="AssertionError: it is&#10;not so">...</failure>
        </testcase>
        <testcase classname="" file="tests/test_b.py" name="tests.test_b">
          <error message="collection failure">E   ImportError: no module c</error>
        </testcase>
        """,
    )
    before, now = {"a": "1.0", "b": "2.0"}, {"a": "1.1rc1", "b": "2.0", "c": "3.0", "pip": "30"}
    assert next_versions.report(before, now, junit, 1) == (
        "\nNew, against an ordinary installation of today:\n"
        "  a 1.0 -> 1.1rc1\n"
        "  c (not there) -> 3.0\n"
        "Failed with these versions (2):\n"
        "  tests/test_a.py::TestC::test_bad[1]: AssertionError: it is not so\n"
        "  tests/test_b.py: E ImportError: no module c\n"
        "`scripts/test NAME` says whether one fails with the ordinary versions, too.\n"
    )


def test_the_report_when_nothing_is_new_and_nothing_fails(tmp_path: Path) -> None:
    junit = write_junit(
        tmp_path, '<testcase classname="tests.a" file="tests/a.py" name="test_good" />'
    )
    text = next_versions.report({"a": "1.0"}, {"a": "1.0"}, junit, 0)
    assert text == "\nNothing is new.\nNo test failed with these versions.\n"


def test_the_report_when_pytest_crashed(tmp_path: Path) -> None:
    for junit in (tmp_path / "nowhere.xml", write_junit(tmp_path, "")):
        text = next_versions.report({}, {}, junit, 2)
        assert "did not get to its end (status 2)" in text
        assert "No test failed" not in text


def test_versions_of_an_ordinary_installation_are_pips(tmp_path: Path) -> None:
    path = tmp_path / "ordinary.json"
    entries = [{"metadata": {"name": "Typing_Extensions", "version": "4.16.0"}}]
    path.write_text(json.dumps({"install": entries}))
    assert next_versions.ordinary(path) == {"typing-extensions": "4.16.0"}

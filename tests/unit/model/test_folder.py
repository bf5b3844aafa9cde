"""Which language a folder speaks and which files of it count."""

from __future__ import annotations

from pathlib import Path

import pytest

from datarobot_drum.drum.enum import RunLanguage
from datarobot_drum.drum.exceptions import StartupError
from datarobot_drum.drum.model.folder import detect_language, find_user_file, python_artifacts


def fill(folder: Path, *names: str) -> str:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(folder)


@pytest.mark.parametrize(
    ("names", "language"),
    [
        (["custom.py"], RunLanguage.PYTHON),
        (["sub/custom.py"], RunLanguage.PYTHON),
        (["model.PKL"], RunLanguage.PYTHON),
        (["model.joblib"], RunLanguage.PYTHON),
        (["model.cbm", "readme.txt"], RunLanguage.PYTHON),
        (["custom.py", "resource.zip"], RunLanguage.PYTHON),
        (["custom.py", "custom.R", "model.rds"], RunLanguage.PYTHON),
        (["custom.R"], RunLanguage.R),
        (["custom.r", "model.rds"], RunLanguage.R),
        (["model.rds", "vendored/model.pkl"], RunLanguage.R),
        (["model.rds", "model.json"], RunLanguage.R),
        (["model.jar"], RunLanguage.JAVA),
        (["model.mojo", "weights.pt"], RunLanguage.JAVA),
    ],
)
def test_language(tmp_path: Path, names: list[str], language: RunLanguage) -> None:
    assert detect_language(fill(tmp_path, *names)) is language


@pytest.mark.parametrize(
    ("names", "by_artifacts", "by_custom"),
    [
        ([], None, None),
        (["notes.txt", "sub/model.pkl"], None, None),
        (["model.pkl", "model.jar"], None, None),
        (["custom.R", "model.pkl"], "python", "r"),
        (["sub/custom.py", "model.zip"], "java", "python"),
        (["sub/custom.py", "custom.R"], None, None),
    ],
)
def test_no_language_tells_what_was_seen(
    tmp_path: Path, names: list[str], by_artifacts: str | None, by_custom: str | None
) -> None:
    code_dir = fill(tmp_path, *names)
    with pytest.raises(StartupError) as error:
        detect_language(code_dir)
    text = str(error.value)
    assert text.startswith(
        "Can not detect language by artifacts and/or custom.py/R files.\n"
        f"Detected: language by artifacts - {by_artifacts}; language by custom - {by_custom}.\n"
    )
    listing = "\n".join(sorted(names))
    assert text.endswith(f"Files(100 first) found in {code_dir}:\n{listing}")


def test_no_language_says_which_files_do_not_count_and_which_contradict(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"\nNo artifact: notes.txt \(only what LightGBM wrote"):
        detect_language(fill(tmp_path / "a", "notes.txt"))
    contradiction = r"\nArtifacts of several languages: m.pkl \(python\), m.jar, n.zip \(java\)\.\n"
    with pytest.raises(StartupError, match=contradiction):
        detect_language(fill(tmp_path / "b", "m.pkl", "m.jar", "n.zip"))


@pytest.mark.parametrize("name", ["custom.py", "sub/deeper/custom.py"])
def test_user_file_is_found_at_any_depth(tmp_path: Path, name: str) -> None:
    assert find_user_file(fill(tmp_path, name, "other.py"), "custom.py") == tmp_path / name


def test_hidden_directories_and_links_to_directories_are_left_out(tmp_path: Path) -> None:
    code_dir = fill(tmp_path, "..2026_11/custom.py", ".git/custom.py")
    (tmp_path / "..data").symlink_to(tmp_path / "..2026_11")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "custom.py").symlink_to(tmp_path / "..data" / "custom.py")
    assert find_user_file(code_dir, "custom.py") == tmp_path / "custom.py"


def test_no_user_file(tmp_path: Path) -> None:
    assert find_user_file(fill(tmp_path, "my_custom.py"), "custom.py") is None


def test_two_user_files_are_refused_with_their_paths(tmp_path: Path) -> None:
    code_dir = fill(tmp_path, "custom_flask.py", "sub/custom_flask.py")
    with pytest.raises(StartupError) as error:
        find_user_file(code_dir, "custom_flask.py")
    paths = [f"{code_dir}/custom_flask.py", f"{code_dir}/sub/custom_flask.py"]
    assert str(error.value) == f"Found too many custom hook files: {paths}"


def test_artifacts_lie_at_the_top_level(tmp_path: Path) -> None:
    code_dir = fill(tmp_path, "b.onnx", "a.pkl", "sub/c.pkl", "readme.md", "old.cbm")
    assert [path.name for path in python_artifacts(code_dir)] == ["a.pkl", "b.onnx"]


@pytest.mark.parametrize(
    ("content", "is_model"),
    [('{"learner": {"attributes": {}}}', True), ('{"lr": 0.1}', False), ("[]", False)],
)
def test_json_counts_by_its_content(tmp_path: Path, content: str, is_model: bool) -> None:
    (tmp_path / "model.json").write_text(content)
    assert bool(python_artifacts(str(tmp_path))) is is_model


@pytest.mark.parametrize(("content", "is_model"), [("tree\nversion=v4\n", True), ("a b c", False)])
def test_text_counts_by_its_content(tmp_path: Path, content: str, is_model: bool) -> None:
    (tmp_path / "model.txt").write_text(content)
    assert bool(python_artifacts(str(tmp_path))) is is_model


def test_mlflow_file_stands_for_its_folder_unless_models_lie_beside_it(tmp_path: Path) -> None:
    code_dir = fill(tmp_path, "MLmodel", "python_model.pkl", "conda.yaml")
    assert [path.name for path in python_artifacts(code_dir)] == ["MLmodel"]
    fill(tmp_path, "second.pkl")
    assert [path.name for path in python_artifacts(code_dir)] == ["python_model.pkl", "second.pkl"]

"""Class labels: their sources, and which column is which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import ModelError, StartupError
from datarobot_drum.drum.model.labels import (
    align_columns,
    fold_label,
    given_labels,
    resolve_labels,
)
from datarobot_drum.drum.model.predictor import ClassLabels

BINARY = {"inferenceModel": {"positiveClassLabel": "yes", "negativeClassLabel": "no"}}
MULTI = {"inferenceModel": {"classLabels": ["a", "b", "c"]}}


def binary(metadata: Any = None, **options: str) -> ClassLabels | None:
    return resolve_labels(TargetType.BINARY, metadata, ".", **options)


def multi(metadata: Any = None, code_dir: str = ".", **options: Any) -> ClassLabels | None:
    return resolve_labels(TargetType.MULTICLASS, metadata, code_dir, **options)


def test_binary_labels_from_options_or_metadata() -> None:
    expected = ClassLabels(("no", "yes"), positive="yes", negative="no")
    assert binary(positive="yes", negative="no") == expected
    assert binary(BINARY) == expected
    assert binary(BINARY, positive="yes", negative="no") == expected


def test_binary_refusals() -> None:
    with pytest.raises(StartupError, match=r"^Positive/negative class labels are missing\. They"):
        binary()
    with pytest.raises(StartupError, match="environment variable don't match values from model"):
        binary(BINARY, positive="no", negative="yes")
    with pytest.raises(StartupError, match=r"must differ, but \['a'\]"):
        binary(positive="a", negative="a")


def test_multiclass_keeps_the_order_of_the_command_line() -> None:
    assert multi(MULTI, class_labels=("c", "a", "b")) == ClassLabels(("c", "a", "b"))
    assert multi(MULTI) == ClassLabels(("a", "b", "c"))


def test_multiclass_refusals() -> None:
    with pytest.raises(StartupError, match=r"^Class labels are missing\. They must be provided"):
        multi()
    with pytest.raises(StartupError, match="Class labels provided with command arguments or env"):
        multi(MULTI, class_labels=("a", "b"))
    with pytest.raises(StartupError, match=r"^Multiclass classification requires at least 2 lab"):
        multi({"inferenceModel": {"classLabels": ["a"]}})
    with pytest.raises(StartupError, match=r"must differ, but \['b'\]"):
        multi(class_labels=("a", "b", "b"))


def test_labels_file_is_relative_to_the_folder_then_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = {"inferenceModel": {"classLabelsFile": "labels.txt"}}
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with pytest.raises(StartupError, match=r"classLabelsFile 'labels\.txt' is neither"):
        multi(metadata, str(folder))
    (elsewhere / "labels.txt").write_text("x\ny\n")
    assert multi(metadata, str(folder), files_outside=True) == ClassLabels(("x", "y"))
    (folder / "labels.txt").write_bytes("ä\r\n\r\nb \n\n".encode())
    assert multi(metadata, str(folder)) == ClassLabels(("ä", "b "))
    (folder / "labels.txt").write_text("only\n")
    with pytest.raises(StartupError, match=r"^multiclass classification requires at least 2"):
        multi(metadata, str(folder))


@pytest.mark.parametrize(
    "name", ["labels.txt", "../labels.txt", "link.txt", "sub/../../labels.txt", "{}/labels.txt"]
)
def test_a_labels_file_outside_of_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.txt").write_text("x\ny\n")
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "link.txt").symlink_to(tmp_path / "labels.txt")
    metadata = {"inferenceModel": {"classLabelsFile": name.format(tmp_path)}}
    with pytest.raises(StartupError, match=r"outside of the model folder.*FILES_OUTSIDE_FOLDER"):
        multi(metadata, str(folder))
    assert multi(metadata, str(folder), files_outside=True) == ClassLabels(("x", "y"))


@pytest.mark.parametrize("name", ["link.txt", "folder/kept/labels.txt", "{}/kept/labels.txt"])
def test_a_labels_file_of_the_folder_may_be_named_in_any_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """DRUM counts from the working directory; Kubernetes mounts files as links."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "folder"
    (folder / "kept").mkdir(parents=True)
    (folder / "kept" / "labels.txt").write_text("x\ny\n")
    (folder / "link.txt").symlink_to("kept/labels.txt")
    metadata = {"inferenceModel": {"classLabelsFile": name.format(folder)}}
    assert multi(metadata, str(folder)) == ClassLabels(("x", "y"))


@pytest.mark.parametrize("kind", [TargetType.REGRESSION, TargetType.ANOMALY, TargetType.TRANSFORM])
def test_other_target_types_have_no_labels(kind: TargetType) -> None:
    assert resolve_labels(kind, BINARY, ".", positive="a", negative="b") is None


def test_labels_that_may_be_inferred_are_none_without_a_source() -> None:
    assert given_labels(TargetType.BINARY, None, ".") is None
    assert given_labels(TargetType.MULTICLASS, {"inferenceModel": {}}, ".") is None


@pytest.mark.parametrize("text", ["1", "1.0", "True", "yes", "YES", "y", "t", "on", "1e0"])
def test_spellings_of_one(text: str) -> None:
    assert fold_label(text) == 1.0


@pytest.mark.parametrize("text", ["0", "0.0", "False", "no", "N", "off", "none", "-0"])
def test_spellings_of_zero(text: str) -> None:
    assert fold_label(text) == 0.0


def test_nan_is_a_label_like_any_other() -> None:
    assert align_columns(("nan", "b"), ClassLabels(("b", "NaN"))) == ("NaN", "b")


@pytest.mark.parametrize(
    ("names", "labels", "expected"),
    [
        (("no", "yes"), ("yes", "no"), ("no", "yes")),
        (("0", "1"), ("yes", "no"), ("no", "yes")),
        (("False", "True"), ("1.0", "0"), ("0", "1.0")),
        (("A", "b"), ("B", "a"), ("a", "B")),
        (("A", "a"), ("a", "A"), ("A", "a")),
        (("1", "yes"), ("yes", "1"), ("1", "yes")),
        (("1", "true", "x"), ("X", "yes", "1"), ("1", "yes", "X")),
    ],
)
def test_columns_take_the_labels_spelling_in_the_models_order(
    names: tuple[str, ...], labels: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert align_columns(names, ClassLabels(labels)) == expected


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("a", "b"), ("a", "c")),
        (("a",), ("a", "b")),
        (("a", "b", "c"), ("a", "b")),
        (("a", "a"), ("a", "b")),
        (("a", "a"), ("a", "A")),
    ],
)
def test_columns_that_are_not_the_labels(names: tuple[str, ...], labels: tuple[str, ...]) -> None:
    with pytest.raises(
        ModelError, match=r"^Expected predictions to have columns \['a', '.'\], but "
    ):
        align_columns(names, ClassLabels(labels))


def test_mismatch_lists_the_positive_label_first() -> None:
    labels = ClassLabels(("no", "yes"), positive="yes", negative="no")
    with pytest.raises(ModelError) as error:
        align_columns(("a", "b"), labels)
    assert str(error.value).startswith(
        "Expected predictions to have columns ['yes', 'no'], but encountered Index(['a', 'b'], "
    )


@pytest.mark.parametrize(
    ("names", "labels"), [(("A", "a"), ("Á", "á")), (("1", "2"), ("yes", "true"))]
)
def test_folding_never_invents_a_match(names: Any, labels: Any) -> None:
    with pytest.raises(ModelError):
        align_columns(names, ClassLabels(labels))


def test_labels_that_only_folding_could_match_are_named() -> None:
    with pytest.raises(ModelError, match=r"Class labels \['YES', 'true'\] can not be told apart"):
        align_columns(("1", "yes"), ClassLabels(("YES", "true")))


texts = st.text(min_size=1, max_size=6)


@given(st.lists(texts, min_size=2, max_size=6, unique=True), st.randoms())
def test_exact_columns_are_never_swapped(labels: list[str], random: Any) -> None:
    shuffled = list(labels)
    random.shuffle(shuffled)
    assert align_columns(tuple(shuffled), ClassLabels(tuple(labels))) == tuple(shuffled)


@given(st.lists(texts, min_size=2, max_size=6, unique_by=fold_label), st.randoms())
def test_folded_columns_are_never_swapped(labels: list[str], random: Any) -> None:
    shuffled = list(labels)
    random.shuffle(shuffled)
    names = tuple(random.choice((name, name.upper(), name.lower())) for name in shuffled)
    try:
        aligned = align_columns(names, ClassLabels(tuple(labels)))
    except ModelError:
        return  # upper and lower case of some letters are not each other's inverse
    assert [fold_label(name) for name in names] == [fold_label(name) for name in aligned]
    assert sorted(aligned) == sorted(labels)

"""PyTorch modules: what they are fed, what they may return, and files that hold none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import ColumnsError, ModelError, ModelLoadError
from tests.unit.folders import load, predict, write_folder

torch = pytest.importorskip("torch")

ROWS = pd.DataFrame({"a": [0.1, -0.2, 0.3, 1.5], "b": [1, 2, 3, 4]})


class Returning(torch.nn.Module):  # type: ignore[misc]
    """A linear layer whose result goes out in some form."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, rows: Any) -> Any:
        result = self.layer(rows)
        forms = {
            "tuple": (result, rows),
            "dict": {"logits": result},
            "flat": result[:, 0],
            "grad": result,
            "count": (result * 100).to(torch.uint8),
        }
        if self.form == "grad":
            with torch.enable_grad(), torch.inference_mode(False):
                return torch.nn.Parameter(torch.ones(len(rows), 1)) * 2
        return forms[self.form]


def save(folder: Path, module: Any) -> Any:
    torch.save(module.eval(), folder / "model.pth")
    return module


def save_in(folder: Path, module: Any) -> Path:
    folder.mkdir()
    save(folder, module)
    return folder


def layers(outputs: int, *last: Any) -> Any:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(2, outputs), *last)


def output(module: Any, dtype: Any = torch.float32) -> Any:
    with torch.inference_mode():
        return module(torch.tensor(np.ascontiguousarray(ROWS)).to(dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_rows_come_in_the_type_of_the_weights(tmp_path: Path, dtype: str) -> None:
    kind = getattr(torch, dtype)
    module = save(tmp_path, layers(1).to(kind))
    got = predict(load(tmp_path, "regression"), ROWS).values
    expected = output(module, kind)
    wanted = expected.float() if kind is torch.bfloat16 else expected
    np.testing.assert_array_equal(got, wanted.numpy())
    assert got.dtype == wanted.numpy().dtype


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_script_without_parameters_takes_floats(tmp_path: Path) -> None:
    class Sum(torch.nn.Module):  # type: ignore[misc]
        def forward(self, rows):  # type: ignore[no-untyped-def]
            return rows.sum(dim=1)

    torch.jit.save(torch.jit.script(Sum()), tmp_path / "model.pt")
    predictor = load(tmp_path, "regression")
    np.testing.assert_allclose(predict(predictor, ROWS).values[:, 0], ROWS.sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize("form", ["flat", "grad", "count"])
def test_a_tensor_is_an_answer(tmp_path: Path, form: str) -> None:
    module = save(tmp_path, Returning(form))
    got = predict(load(tmp_path, "regression"), ROWS).values
    assert got.shape == (4, 1)
    if form == "flat":
        np.testing.assert_array_equal(got[:, 0], output(module).numpy())


@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_several_results_are_no_answer(tmp_path: Path, form: str) -> None:
    save(tmp_path, Returning(form))
    with pytest.raises(ModelError, match=f"The module returned a {form}, not a tensor of shape"):
        predict(load(tmp_path, "regression"), ROWS)


@pytest.mark.parametrize("value", ["north", pd.Timestamp("2024-01-01"), [1.0]])
def test_a_column_that_is_no_number_is_the_clients_mistake(tmp_path: Path, value: Any) -> None:
    save(tmp_path, layers(1))
    rows = ROWS.assign(b=pd.Series([value] * 4))
    with pytest.raises(ColumnsError, match=r"column 'b' has values that are no numbers\.$"):
        predict(load(tmp_path, "regression"), rows)


def test_numbers_as_text_and_gaps_are_numbers(tmp_path: Path) -> None:
    module = save(tmp_path, layers(1))
    predictor = load(tmp_path, "regression")
    expected = output(module).numpy()
    for b in (["1", "2", "3", "4"], pd.array([1, 2, 3, 4], dtype="Int64")):
        np.testing.assert_array_equal(predict(predictor, ROWS.assign(b=b)).values, expected)
    gap = pd.array([1, None, 3, 4], dtype="Int64")
    got = predict(predictor, ROWS.assign(b=gap)).values
    assert np.isnan(got[1, 0])
    np.testing.assert_array_equal(got[[0, 2, 3]], expected[[0, 2, 3]])


# --- probabilities and logits ------------------------------------------------------------


def test_softmax_is_by_position(tmp_path: Path) -> None:
    module = save(tmp_path, layers(3, torch.nn.Softmax(1)))
    result = predict(load(tmp_path, "multiclass", class_labels=("c", "a", "b")), ROWS)
    assert result.columns == ("c", "a", "b")
    np.testing.assert_array_equal(result.values, output(module).numpy())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_probabilities_are_as_exact_as_their_type(tmp_path: Path, dtype: str, kind: str) -> None:
    """Half a float cannot add up to 1 within 0.00001."""
    rows = pd.DataFrame(np.random.default_rng(3).normal(size=(500, 2)), columns=["a", "b"])
    classes = 7 if kind == "multiclass" else 1
    last = torch.nn.Softmax(1) if kind == "multiclass" else torch.nn.Sigmoid()
    save(tmp_path, layers(classes, last).to(getattr(torch, dtype)))
    labels = {"class_labels": tuple("abcdefg")} if kind == "multiclass" else {}
    result = predict(load(tmp_path, kind, **labels), rows)
    assert result.values.dtype == dtype
    np.testing.assert_allclose(result.values.sum(axis=1, dtype=float), 1, atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "outputs", "expected"),
    [
        ("binary", 1, "have (negative values|values greater than 1)"),
        ("multiclass", 3, "have (negative values|values greater than 1)"),
        ("multilabel", 3, "have (negative values|values greater than 1)"),
    ],
)
def test_logits_are_refused_and_called_so(
    tmp_path: Path, kind: str, outputs: int, expected: str
) -> None:
    save(tmp_path, layers(outputs))
    labels = {} if kind == "binary" else {"class_labels": ("a", "b", "c")}
    text = rf"{expected}\. The model seems to return logits: end it with a sigmoid"
    with pytest.raises(ModelError, match=text):
        predict(load(tmp_path, kind, **labels), ROWS * 10)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_a_probability_that_is_no_number_is_refused(tmp_path: Path, kind: str) -> None:
    """Of labels that do not exclude each other no sum would tell."""
    units, last = {"binary": (1, torch.nn.Sigmoid()), "multiclass": (3, torch.nn.Softmax(1))}.get(
        kind, (3, torch.nn.Sigmoid())
    )
    module = layers(units, last)
    labels = {} if kind == "binary" else {"class_labels": ("a", "b", "c")}
    predict(load(save_in(tmp_path / "good", module), kind, **labels), ROWS)
    torch.nn.init.constant_(next(module.parameters()), np.nan)
    predictor = load(save_in(tmp_path / "bad", module), kind, **labels)
    with pytest.raises(
        ModelError, match="probabilities (do not add up to 1|have values that are N)"
    ):
        predict(predictor, ROWS)


class Chosen(torch.nn.Module):  # type: ignore[misc]
    """A class, and no probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def forward(self, rows: Any) -> Any:
        return self.layer(rows).argmax(1)


def test_a_label_is_never_taken_for_a_probability(tmp_path: Path) -> None:
    module = save(tmp_path, Chosen())
    with pytest.raises(ModelError, match="torch.int64: labels, and no probabilities"):
        predict(load(tmp_path, "binary"), ROWS)
    answer = predict(load(tmp_path, "regression"), ROWS).values.ravel()
    assert answer.tolist() == output(module).tolist()


def test_a_sigmoid_for_each_class_is_no_distribution(tmp_path: Path) -> None:
    save(tmp_path, layers(3, torch.nn.Sigmoid()))
    with pytest.raises(ModelError, match="do not add up to 1"):
        predict(load(tmp_path, "multiclass", class_labels=("a", "b", "c")), ROWS)


# --- files that hold no module -----------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (lambda: layers(1).state_dict(), "a state dict: the weights of a PyTorch module"),
        (
            lambda: {"epoch": 3, "model_state_dict": layers(1).state_dict()},
            "a PyTorch checkpoint: weights and other state",
        ),
        (lambda: torch.ones(3), "a single PyTorch tensor"),
    ],
)
@pytest.mark.parametrize("name", ["model.pth", "model.pt"])
def test_weights_alone_are_told_from_a_module(
    tmp_path: Path, held: Any, expected: str, name: str
) -> None:
    torch.save(held(), tmp_path / name)
    with pytest.raises(ModelLoadError, match=expected) as error:
        load(tmp_path, "regression")
    for advice in ("torch.save(module, ...)", "TorchScript", "load_model hook"):
        assert advice in str(error.value)


def test_a_score_hook_may_use_weights_alone(tmp_path: Path) -> None:
    module = layers(1)
    torch.save(module.state_dict(), tmp_path / "model.pth")
    custom = """
        def score(data, model, **kwargs):
            values = data.to_numpy() @ model['0.weight'].numpy().T + model['0.bias'].numpy()
            return pd.DataFrame(values)
    """
    write_folder(tmp_path, custom)
    text = (tmp_path / "custom.py").read_text()
    (tmp_path / "custom.py").write_text(text.replace("def load_model", "def unused"))
    got = predict(load(tmp_path, "regression"), ROWS).values
    np.testing.assert_allclose(got, output(module).numpy(), rtol=1e-5)

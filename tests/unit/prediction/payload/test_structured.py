"""Where the rows of a request are, and what a model is told about them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.model.predictor import ClassLabels, Dense, Predictor, RowSource
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.structured import read_rows, read_transform_rows

CSV = b"a,b\n1.5,x\n"
MTX = b"%%MatrixMarket matrix coordinate real general\n1 2 1\n1 2 3\n"
FORM = "multipart/form-data; boundary=zz"
NO_SAMPLES = (
    "Samples should be provided as:   - a csv or mtx under `X` form-data param key.  - binary data"
)


def _predictor(
    *hooks: str,
    array_columns: tuple[str, ...] | None = None,
    text: tuple[str, ...] = (),
    dense: Dense = Dense.NEVER,
    labels: ClassLabels | None = None,
) -> Predictor:
    def read_input(data: bytes | memoryview) -> Any:
        return ("from the hook", bytes(data))

    info = SimpleNamespace(
        framework=None,
        hooks=frozenset(hooks),
        feature_names=("p", "q"),
        text_columns=frozenset(text),
        gap_words=frozenset(),
        dense=dense,
        labels=labels,
    )
    return cast(
        "Predictor",
        SimpleNamespace(info=info, read_input=read_input, array_columns=array_columns),
    )


def _form(*parts: tuple[str, bytes]) -> PredictRequest:
    body = b"".join(
        b"--zz\r\nContent-Disposition: form-data; " + names.encode() + b"\r\n\r\n" + data + b"\r\n"
        for names, data in parts
    )
    return PredictRequest(body + b"--zz--\r\n", FORM)


X = 'name="X"; filename="x.csv"'


def test_part_of_a_form() -> None:
    frame, source = read_rows(_form((X, CSV)), _predictor())
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1.5], "b": ["x"]}))
    assert source == RowSource(CSV, None)


@pytest.mark.parametrize("name", ["x", "x.json", "x.MTX", ""])
def test_a_part_is_csv_unless_it_is_named_mtx(name: str) -> None:
    frame, _ = read_rows(_form((f'name="X"; filename="{name}"', CSV)), _predictor())
    assert list(frame.columns) == ["a", "b"]


def test_sparse_part_with_column_names() -> None:
    names = ('name="X.colnames"; filename="n"', b"p \n q\n")
    frame, source = read_rows(_form(('name="X"; filename="x.mtx"', MTX), names), _predictor())
    assert frame.to_numpy().tolist() == [[0.0, 3.0]]
    assert list(frame.columns) == ["p", "q"]
    assert source == RowSource(MTX, "text/mtx", sparse_colnames=["p", "q"])


@pytest.mark.parametrize(
    ("content_type", "mimetype", "charset"),
    [
        ("", "", None),
        ("text/csv", "text/csv", None),
        ("Text/CSV; charset=latin1", "Text/CSV", "latin1"),
        ("text/plain;charset=UTF8", "text/plain", "UTF8"),
    ],
)
def test_raw_csv(content_type: str, mimetype: str, charset: str | None) -> None:
    frame, source = read_rows(PredictRequest(CSV, content_type), _predictor())
    assert frame.to_numpy().tolist() == [[1.5, "x"]]
    assert source == RowSource(CSV, mimetype, charset)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/mtx", MTX), ("application/json", b'[{"0":0,"1":3}]')],
)
def test_other_raw_bodies(content_type: str, body: bytes) -> None:
    frame, source = read_rows(PredictRequest(body, content_type), _predictor())
    assert frame.to_numpy().tolist() == [[0.0, 3.0]]
    assert source.mimetype == content_type


@pytest.mark.parametrize(
    "request_",
    [
        PredictRequest(b"", "text/csv"),
        PredictRequest(b"", ""),
        PredictRequest(b"", FORM),
        _form(),
        _form(('name="X"', CSV)),
        _form(('name="Y"; filename="x.csv"', CSV)),
    ],
)
def test_no_rows(request_: PredictRequest) -> None:
    for predictor in (_predictor(), _predictor("read_input_data")):
        with pytest.raises(PayloadError) as caught:
            read_rows(request_, predictor)
        assert str(caught.value) == NO_SAMPLES


def test_what_curl_sends_as_a_form_is_refused_with_the_header_that_helps() -> None:
    request = PredictRequest(CSV, "application/x-www-form-urlencoded")
    with pytest.raises(PayloadError) as caught:
        read_rows(request, _predictor())
    assert str(caught.value) == (
        f"{NO_SAMPLES}. The body was sent as a form (application/x-www-form-urlencoded), as curl"
        " does by itself: add the header 'Content-Type: text/csv', or that of its format."
    )


@pytest.mark.parametrize("content_type", ["application/octet-stream", "Text/XML; charset=utf-8"])
def test_unknown_formats_are_for_the_hook(content_type: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read_rows(PredictRequest(CSV, content_type), _predictor())
    mimetype = content_type.partition(";")[0]
    assert str(caught.value) == (
        f"payload format `{mimetype}` is not supported by predictor/transformer. Make DRUM "
        "support the format or implement `read_input_data` hook to read the data. "
    )
    frame, source = read_rows(PredictRequest(CSV, content_type), _predictor("read_input_data"))
    assert frame == ("from the hook", CSV)
    assert source.mimetype == mimetype


def test_the_hook_reads_csv_too() -> None:
    frame, _ = read_rows(_form((X, CSV)), _predictor("read_input_data"))
    assert frame == ("from the hook", CSV)


def test_arrays_only_of_the_models_own_columns() -> None:
    predictor = _predictor(array_columns=("a", "b"))
    array, _ = read_rows(PredictRequest(b"a,b\n1.5,2.5\n3.5,4.5\n", "text/csv"), predictor)
    assert isinstance(array, np.ndarray)
    assert array.tolist() == [[1.5, 2.5], [3.5, 4.5]]
    for body in (b"b,a\n1.5,2.5\n", b"a,b\n1,2.5\n", b"a,b\n,2.5\n", b"a\n1.5\n"):
        frame, _ = read_rows(PredictRequest(body, "text/csv"), predictor)
        assert isinstance(frame, pd.DataFrame)


def test_transform_has_a_target() -> None:
    target = ('name="y"; filename="y.csv"', b"t\n1\n")
    frame, y, source = read_transform_rows(_form((X, CSV), target), _predictor())
    assert frame.to_numpy().tolist() == [[1.5, "x"]]
    assert y is not None
    assert y["t"].tolist() == [1]
    assert source.binary_data == CSV


def test_transform_without_target_and_with_hook() -> None:
    target = ('name="y"; filename="y.csv"', b"t\n1\n")
    predictor = _predictor("read_input_data")
    assert read_transform_rows(_form((X, CSV)), predictor)[:2] == (("from the hook", CSV), None)
    frame, y, _ = read_transform_rows(_form((X, CSV), target), predictor)
    assert frame == ("from the hook", CSV)
    assert isinstance(y, pd.DataFrame)

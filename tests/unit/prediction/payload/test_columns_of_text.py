"""A column that is text to the model is read as text, whatever stands in it and whoever beside."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.open_inference.infer_request import (
    HEADER_LENGTH,
    frame_of,
    read_infer_request,
)
from datarobot_drum.drum.prediction.open_inference.tensors import Tensor, array_to_bytes
from datarobot_drum.drum.prediction.payload.arrow import read_arrow_stream
from datarobot_drum.drum.prediction.payload.csv.dialect import text_dtype
from datarobot_drum.drum.prediction.payload.csv.parts import PartsReader
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.csv.text_columns import TextColumns
from datarobot_drum.drum.prediction.payload.json_rows import read_json_rows
from datarobot_drum.drum.prediction.payload.structured import (
    read_file_rows,
    read_rows,
    read_transform_rows,
)
from datarobot_drum.drum.utils.gaps import MISSING
from tests.unit.prediction.payload.csv.csv_bodies import CELL_KINDS
from tests.unit.prediction.payload.test_structured import _form, _predictor

CODE = TextColumns(frozenset({"code"}))
READERS = (read_csv, PartsReader(2, least=1))
LOOK_ALIKES = ["07", "1e5", "1.5", "True", " 7", "7 ", "-0", "inf", "18446744073709551616", "A1"]
PLAIN = (
    st.sampled_from(CELL_KINDS)
    .flatmap(lambda kind: kind)
    .filter(lambda cell: not set('",\n\r\0') & set(cell))
)


@pytest.mark.parametrize("cell", LOOK_ALIKES)
@pytest.mark.parametrize("rows", [1, 2000])
@pytest.mark.parametrize("read", READERS)
def test_nothing_in_a_text_column_is_a_number(cell: str, rows: int, read: Any) -> None:
    body = ("code,n\n" + f"{cell},1.5\n" * rows).encode()
    frame = read(body, CODE)
    assert frame["code"].tolist() == [cell] * rows
    assert frame["code"].dtype == text_dtype()
    assert frame["n"].tolist() == [1.5] * rows


@pytest.mark.parametrize("rows", [1, 2000])
def test_missing_cells_stay_missing(rows: int) -> None:
    alone = read_csv(b"code,n\n" + b",1\n" * rows, CODE)
    beside = read_csv(b"code,n\n" + b",1\n" * rows + b"A1,2\n", CODE)
    for frame in (alone, beside):
        assert frame["code"].isna().sum() == rows
        assert frame["code"].dtype == text_dtype()


@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=6), st.booleans())
@example([("07", "1")], False)
@example([("1.5", "2.5")], False)
@example([("", "NA")], False)
def test_is_what_pandas_reads_with_a_dtype(rows: list[tuple[str, str]], trailing: bool) -> None:
    lines = ["code,n", *map(",".join, rows)]
    expected = pd.read_csv(io.BytesIO("\n".join(lines).encode()), dtype={"code": str})
    if trailing:
        lines = [lines[0], *(f"{line}," for line in lines[1:])]
    for read in READERS:
        found = read("\n".join(lines).encode(), CODE)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize(
    ("text", "header", "read_as_text"),
    [
        (TextColumns(frozenset({"zip_code"})), "zip code,n", ["zip code"]),
        (TextColumns(frozenset({"zip code"})), "zip code,n", ["zip code"]),
        (TextColumns(frozenset({"b"})), "a,n", []),
        (TextColumns(frozenset({"1"}), ("0", "1")), "a,n", ["n"]),
        (TextColumns(frozenset({"1"}), ("0", "1")), "1,0", ["1"]),
        (TextColumns(frozenset({"1"}), ("0", "1", "2")), "a,n", []),
    ],
)
@pytest.mark.parametrize("rows", [1, 500])
def test_columns_are_known_by_the_models_names(
    text: TextColumns, header: str, read_as_text: list[str], rows: int
) -> None:
    frame = read_csv((f"{header}\n" + "07,08\n" * rows).encode(), text)
    assert [name for name in frame if frame[name].dtype == text_dtype()] == read_as_text


def test_every_way_in(tmp_path: Path) -> None:
    body = b"code,n\n07,1.5\n"
    predictor = _predictor(text=("code",), array_columns=("code", "n"))
    part = ('name="X"; filename="x.csv"', body)
    path = tmp_path / "x.csv"
    path.write_bytes(body)
    frames = [
        read_rows(PredictRequest(body, "text/csv"), predictor)[0],
        read_rows(PredictRequest(body.replace(b"07", b"0.7"), "text/csv"), predictor)[0],
        read_rows(PredictRequest(body, "text/csv"), predictor, PartsReader(2, least=1))[0],
        read_rows(_form(part), predictor)[0],
        read_transform_rows(_form(part), predictor)[0],
        read_file_rows(str(path), None, predictor)[0],
    ]
    assert [frame["code"].tolist() for frame in frames] == [["07"], ["0.7"], *[["07"]] * 4]


def test_the_target_of_a_transform_is_no_column_of_the_model() -> None:
    parts = [(f'name="{name}"; filename="{name}.csv"', b"code\n07\n") for name in "Xy"]
    frame, target, _ = read_transform_rows(_form(*parts), _predictor(text=("code",)))
    assert frame["code"].tolist() == ["07"]
    assert target is not None
    assert target["code"].tolist() == [7]


def infer(cells: list[str | None], binary: bool) -> pd.DataFrame:
    values = pd.array(cells, dtype=object).to_numpy()
    tensor: dict[str, Any] = {"name": "code", "datatype": "BYTES", "shape": [len(cells)]}
    if not binary:
        body = orjson.dumps({"inputs": [{**tensor, "data": cells}]})
        return frame_of(read_infer_request(PredictRequest(body, "application/json")), None)
    data = array_to_bytes(Tensor("code", "BYTES", values))
    tensor["parameters"] = {"binary_data_size": len(data)}
    header = orjson.dumps({"inputs": [tensor]})
    headers = {HEADER_LENGTH.lower(): str(len(header))}
    return frame_of(read_infer_request(PredictRequest(header + data, "", headers=headers)), None)


def arrow(array: Any) -> pd.DataFrame:
    table = pa.table({"code": array})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return read_arrow_stream(sink.getvalue().to_pybytes())


@given(
    st.lists(
        st.sampled_from([*LOOK_ALIKES, *MISSING])
        | st.text(st.characters(exclude_categories=["Cs"])),
        min_size=1,
    )
)
def test_formats_that_have_types_keep_every_text(cells: list[str]) -> None:
    frames = [
        read_json_rows(orjson.dumps([{"code": cell} for cell in cells])),
        read_json_rows(orjson.dumps({"columns": ["code"], "data": [[cell] for cell in cells]})),
        infer(cells, binary=False),
        infer(cells, binary=True),
        arrow(pa.array(cells)),
        arrow(pa.array(cells).dictionary_encode()),
    ]
    for frame in frames:
        assert frame["code"].tolist() == cells
        assert frame["code"].dtype == text_dtype()


@pytest.mark.parametrize("cells", [[None], [None, "A1"], [None, None]])
def test_a_gap_in_a_tensor_of_text_alone_and_in_company(cells: list[str | None]) -> None:
    column = infer(cells, binary=False)["code"]
    assert column.dtype == text_dtype()
    assert [value for value in column if isinstance(value, str)] == [
        cell for cell in cells if cell is not None
    ]
    assert all(isinstance(value, str | float) for value in column)


WORDS = TextColumns(CODE.names, gap_words=frozenset({("code", "NA"), ("code", "nan")}))


@pytest.mark.parametrize("more", ["", "x,1\n" * 600, '"x",1\n'])
def test_words_that_are_values_to_the_model_are_none_that_are_missing(more: str) -> None:
    body = f"code,n\nNA,NA\nnan,nan\nnull,null\n,\n{more}".encode()
    for read in READERS:
        found = read(body, WORDS)
        assert found["code"].head(4).fillna("gap").tolist() == ["NA", "nan", "gap", "gap"]
        assert found["n"].head(4).isna().all()
        assert found["code"].dtype == text_dtype()


@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=6))
def test_other_words_and_other_columns_are_read_as_ever(rows: list[tuple[str, str]]) -> None:
    lines = ["code,n", *map(",".join, rows)]
    body = "\n".join(lines).encode()
    expected = read_csv(body, CODE)
    for read in READERS:
        found = read(body, WORDS)
        pd.testing.assert_series_equal(found["n"], expected["n"], check_exact=True)
        kept = found["code"].isin(["NA", "nan"])
        pd.testing.assert_series_equal(found["code"][~kept], expected["code"][~kept])

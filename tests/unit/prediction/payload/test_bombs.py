"""No body becomes more than what it is allowed to, whatever it says of itself."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datarobot_drum.drum.exceptions import BodyTooLargeError, DrumException, MalformedRequestError
from datarobot_drum.drum.knobs.predicting import MAX_DECODED, ServiceSettings
from datarobot_drum.drum.prediction.errors import error_response
from datarobot_drum.drum.prediction.messages import JSON, PredictRequest
from datarobot_drum.drum.prediction.open_inference.infer_request import (
    frame_of,
    read_infer_request,
)
from datarobot_drum.drum.prediction.payload.arrow import (
    ARROW_STREAM,
    PARQUET,
    read_parquet,
)
from datarobot_drum.drum.prediction.payload.csv.parts import PartsReader
from datarobot_drum.drum.prediction.payload.csv.reader import read_csv
from datarobot_drum.drum.prediction.payload.structured import MTX, read_data, read_rows
from tests.unit.prediction.payload import bombs
from tests.unit.prediction.payload.bombs import BOMBS, CSV
from tests.unit.prediction.payload.test_structured import _predictor

DEFAULT = ServiceSettings().max_decoded
MB = 2**20
# What a reader may take: some to begin with, many times the body, as Python's objects are many
# times their text in JSON, and what is read twice over, as pyarrow has it and as pandas has it.
# Versions of pyarrow differ in what they keep for themselves: 23 keeps 30 MB more than 26.
AT_FIRST = 64 * MB
OF_BODY = 40
OF_LIMIT = 3


def read(body: bytes, content_type: str, limit: int | None = None) -> Any:
    limit = PredictRequest(body).most_decoded(DEFAULT) if limit is None else limit
    return read_rows(PredictRequest(body, content_type), _predictor(), limit=limit)[0]


def refusal(body: bytes, content_type: str) -> str:
    with pytest.raises(BodyTooLargeError) as caught:
        read(body, content_type)
    assert error_response(caught.value).status == 413
    return str(caught.value).replace(str(PredictRequest(body).most_decoded(DEFAULT)), "N")


@pytest.mark.parametrize("name", BOMBS)
def test_small_bodies_that_stand_for_large_tables_are_refused_in_the_same_words(name: str) -> None:
    assert refusal(BOMBS[name].make(), BOMBS[name].content_type) == (
        "The rows take more than the N bytes that a body of this size may become once it is read"
        f" ({MAX_DECODED}). Send fewer rows or columns at a time."
    )


PEAKS = """
import gc, sys
import pandas, pyarrow.parquet, scipy.io
from tests.unit.prediction.payload.test_bombs import BOMBS, BodyTooLargeError, read

def resident(which):
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(lines[which].split()[0]) * 1024

for name, bomb in BOMBS.items():
    body = bomb.make()
    gc.collect()
    open("/proc/self/clear_refs", "w").write("5")
    before = resident("VmRSS")
    try:
        read(body, bomb.content_type)
    except BodyTooLargeError:
        print(len(body), resident("VmHWM") - before, name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel says what the peak was")
def test_they_are_refused_before_they_take_memory() -> None:
    words = [sys.executable, "-c", PEAKS]
    found = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout
    lines = [line.split(" ", 2) for line in found.splitlines()]
    assert {name for _size, _peak, name in lines} == {*BOMBS}
    too_much = [
        (name, int(peak) // MB)
        for size, peak, name in lines
        if int(peak) > AT_FIRST + 16 * int(size) + 2 * DEFAULT
    ]
    assert not too_much


@pytest.mark.parametrize("width", [2, 5, 50])
@pytest.mark.parametrize("make", [lambda: read_csv, lambda: PartsReader(2)])
def test_csv_of_numbers_of_one_digit_always_passes(width: int, make: Callable[[], Any]) -> None:
    row = ",".join("1" * width) + "\n"
    body = (row.replace("1", "a") + row * (4 * MB // len(row))).encode()
    # As though it were of the largest size that is accepted: nothing but its own bytes counts.
    assert make()(body, None, PredictRequest(body).most_decoded(0)).shape[1] == width


def honest_columns(rows: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "numbers": random.normal(size=rows),
        "rounded": random.normal(size=rows).round(1),
        "codes": random.integers(0, 9, rows),
        "ids": np.arange(rows),
        "narrow": random.normal(size=rows).astype("float32"),
        "flags": random.random(rows) > 0.5,
        "times": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows), unit="s"),
        "texts": np.char.add("item ", random.integers(0, 10**9, rows).astype(str)),
        "words": random.choice(["red", "green"], rows),
        "gaps": np.where(random.random(rows) > 0.9, 1.5, np.nan),
    }


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": False},
        {"data_page_version": "2.0"},
        {"row_group_size": 5_000, "write_page_checksum": True, "write_page_index": True},
    ],
    ids=str,
)
def test_an_ordinary_parquet_file_is_read(compression: str, options: dict[str, Any]) -> None:
    for rows in (1, 60_000):
        table = pa.Table.from_pandas(pd.DataFrame(honest_columns(rows)))
        sink = io.BytesIO()
        pq.write_table(table, sink, compression=compression, **options)
        body = sink.getvalue()
        pd.testing.assert_frame_equal(read(body, PARQUET), read_parquet(body))


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_parquet_that_hardly_compresses_passes_at_any_size(compression: str) -> None:
    sink = io.BytesIO()
    numbers = np.random.default_rng(0).normal(size=(60_000, 4))
    pd.DataFrame(numbers, columns=list("abcd")).to_parquet(sink, compression=compression)
    body = sink.getvalue()
    # As though it were of the largest size that is accepted: nothing but its own bytes counts.
    assert read(body, PARQUET, PredictRequest(body).most_decoded(0)).shape == (60_000, 4)


@pytest.mark.parametrize("words", [(), ("words",)], ids=str)
def test_texts_that_are_told_by_the_one_before_are_read(words: tuple[str, ...]) -> None:
    columns = pd.DataFrame(honest_columns(60_000))
    columns["words"] = (
        columns["words"]
        .map({"red": "r" * 50_000, "green": ""})
        .where(np.arange(60_000) < 100, "red")
    )
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_pandas(columns),
        sink,
        use_dictionary=[*words],
        column_encoding={"texts": "DELTA_BYTE_ARRAY"},
        compression="zstd",
    )
    body = sink.getvalue()
    pd.testing.assert_frame_equal(read(body, PARQUET), read_parquet(body))


def test_decimals_of_parquet_count_as_numbers() -> None:
    sink = io.BytesIO()
    cents = pa.array([Decimal("1.25"), Decimal("2.50")] * 100_000, pa.decimal128(18, 2))
    pq.write_table(pa.table(dict.fromkeys("abcd", cents)), sink)
    assert read(sink.getvalue(), PARQUET, 10 * MB).shape == (200_000, 4)


def test_lines_within_quotes_are_no_rows() -> None:
    body = b"a," * 999 + b"a\n" + (b'"' + b"x\n" * 100_000 + b'"' + b",1" * 999 + b"\n")
    assert read(body, CSV).shape == (1, 1000)


def test_a_file_of_the_users_own_is_read_at_any_size() -> None:
    bomb = BOMBS["csv rows shorter than the header"]
    body = b"," * 4_000 + b"\n" + b"1\n" * 5_000
    with pytest.raises(BodyTooLargeError):
        read(body, bomb.content_type)
    frame, _ = read_data(body, None, None, _predictor())
    assert frame.shape == (5_000, 4_001)


def test_a_form_is_judged_as_its_part_is() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="X"; filename="x.csv"\r\n\r\n'
        + BOMBS["csv rows shorter than the header"].make()
        + b"\r\n--b--\r\n"
    )
    assert "The rows take more than the N bytes" in refusal(body, "multipart/form-data; boundary=b")


def test_a_stream_without_rows_of_list_views_does_not_end_the_process() -> None:
    empty = bombs.stream(bombs.overlapping_lists(0, 1))
    words = [sys.executable, "-c", NO_ROWS]
    found = subprocess.run(words, input=empty, capture_output=True, timeout=300)
    assert (found.returncode, found.stdout) == (0, b"(0, 1)\n")


NO_ROWS = """
import sys
from datarobot_drum.drum.prediction.payload.arrow import read_arrow_stream
print(read_arrow_stream(sys.stdin.buffer.read()).shape)
"""


def tensor(**content: Any) -> PredictRequest:
    return PredictRequest(orjson.dumps({"inputs": [{"name": "a", **content}]}), JSON)


def test_a_tensor_of_many_columns_is_refused() -> None:
    request = tensor(shape=[1, 200_000], datatype="FP64", data=[1] * 200_000)
    with pytest.raises(BodyTooLargeError, match=MAX_DECODED):
        frame_of(read_infer_request(request), None, request.most_decoded(DEFAULT))


@pytest.mark.parametrize("nested", [False, True])
def test_a_long_text_among_numbers_takes_no_memory_for_each_of_them(nested: bool) -> None:
    data: list[Any] = ["x" * 20_000] + [1] * 20_000
    shape = [1, len(data)] if nested else [len(data)]
    request = tensor(shape=shape, datatype="FP64", data=[data] if nested else data)
    tracemalloc.start()
    try:
        with pytest.raises(MalformedRequestError, match="the data is not FP64"):
            read_infer_request(request)
        assert tracemalloc.get_traced_memory()[1] < 8 * MB
    finally:
        tracemalloc.stop()


def test_a_tensors_shape_of_many_dimensions_is_refused_before_it_is_multiplied() -> None:
    request = tensor(shape=[2**62] * 5_000, datatype="FP64", data=[1])
    with pytest.raises(MalformedRequestError, match="too many dimensions"):
        read_infer_request(request)


# -- drawn

small = st.integers(0, 40)
lengths = st.integers(1, 400_000)
texts = st.sampled_from(["", "x", "é" * 20, "x" * 3_000])


@st.composite
def csv_bodies(draw: st.DrawFn) -> bytes:
    header = draw(st.sampled_from([b",", b"a,", b'"a\nb",'])) * draw(st.integers(0, 3_000))
    row = draw(st.sampled_from([b"1", b"1,2", b'"x"', b'"x\n\n"', b"", b",", b" "]))
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    return header + b"a" + end + (row + end) * draw(st.integers(0, 20_000))


@st.composite
def json_bodies(draw: st.DrawFn) -> bytes:
    rows, keys = draw(st.integers(0, 3_000)), draw(st.integers(1, 3_000))
    value = draw(st.one_of(st.none(), st.integers(0, 9), st.just([]), texts))
    found: Any = [{f"k{n % keys}": value} for n in range(rows)]
    if draw(st.booleans()):
        found = [[value] * min(keys, 300)] * min(rows, 300)
    return orjson.dumps(draw(st.sampled_from([found, {"instances": found}])))


def views() -> list[st.SearchStrategy[Any]]:
    sizes = st.integers(0, 9_000)
    return [
        st.builds(lambda n, k: bombs.same_views(n // 100, k + 13), lengths, sizes),
        st.builds(lambda n, k: bombs.overlapping_lists(n // 100, k), lengths, small),
    ]


def columns() -> st.SearchStrategy[Any]:
    return st.one_of(
        lengths.map(pa.nulls),
        lengths.map(lambda n: pa.array([0.5] * n)),
        st.builds(lambda text, n: pa.array([text] * (n // 50)), texts, lengths),
        st.builds(lambda n: pa.array([str(k) for k in range(n // 5)]), lengths),
        st.builds(bombs.runs, st.one_of(st.just(0.5), texts), lengths),
        st.builds(lambda n, k: bombs.dictionary(n // 5, k), lengths, st.integers(0, 5_000)),
        *views(),
        lengths.map(lambda n: pa.array([[None] * 100] * (n // 100))),
        lengths.map(lambda n: pa.array([{"a": None}] * (n // 10))),
        lengths.map(lambda n: pa.array([1] * (n // 10)).cast(pa.decimal128(20))),
    )


arrow_bodies = st.builds(bombs.stream, columns(), st.sampled_from([None, "zstd", "lz4"]))


@st.composite
def parquet_bodies(draw: st.DrawFn) -> bytes:
    column = draw(columns())
    is_view = getattr(pa.types, "is_list_view", lambda _kind: False)
    if pa.types.is_run_end_encoded(column.type) or is_view(column.type):
        column = pa.nulls(len(column))
    sink = io.BytesIO()
    pq.write_table(
        pa.table({"a": column}),
        sink,
        compression=draw(st.sampled_from(["none", "snappy", "gzip", "zstd", "brotli", "lz4"])),
        use_dictionary=draw(st.booleans()),
        row_group_size=draw(st.sampled_from([5_000, 1_000_000])),
        data_page_version=draw(st.sampled_from(["1.0", "2.0"])),
    )
    return sink.getvalue()


sizes = st.sampled_from([0, 1, 1_000, 200_000, 10**9])
matrices = st.builds(bombs.coordinates, sizes, sizes)
bodies = st.one_of(
    st.tuples(st.just(CSV), csv_bodies()),
    st.tuples(st.just(JSON), json_bodies()),
    st.tuples(st.just(ARROW_STREAM), arrow_bodies),
    st.tuples(st.just(PARQUET), parquet_bodies()),
    st.tuples(st.just(MTX), matrices),
)


# What was allocated in a pool may outlive it.
POOLS: list[Any] = []


def peak_of(call: Callable[[], object]) -> int:
    """Bytes of Python's, numpy's and pyarrow's allocations at their highest."""
    usual = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(usual)
    POOLS.append(counted)
    pa.set_memory_pool(counted)
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] + (counted.max_memory() or 0)
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


@settings(max_examples=30, deadline=None)
@given(bodies)
def test_what_is_read_never_takes_more_than_the_limit_and_the_body(
    drawn: tuple[str, bytes],
) -> None:
    content_type, body = drawn
    limit = MB

    def attempt() -> None:
        try:
            found = read(body, content_type, PredictRequest(body).most_decoded(limit))
        except DrumException:
            return
        assert isinstance(found, pd.DataFrame)

    assert peak_of(attempt) <= AT_FIRST + OF_BODY * len(body) + OF_LIMIT * limit


@settings(max_examples=25, deadline=None)
@given(st.one_of(csv_bodies(), csv_bodies().map(lambda body: body.replace(b"\r", b""))))
def test_a_csv_that_is_read_is_read_whole(body: bytes) -> None:
    try:
        found = read(body, CSV, MB)
    except DrumException:
        return
    pd.testing.assert_frame_equal(found, read_csv(body))

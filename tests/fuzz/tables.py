"""Tables of every type, as Arrow streams, Parquet files, JSON, CSV and Matrix Market."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.well_formed import FORM, file_part, form

ARROW = b"application/vnd.apache.arrow.stream"
PARQUET = b"application/vnd.apache.parquet"

# Names of the factories that only some versions of pyarrow have.
_NEWER = ("string_view", "binary_view", "decimal32", "decimal64")
_PLAIN = (
    *(pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64(), pa.decimal128(10, 3), pa.decimal256(60, -2)),
    *(pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.binary(3)),
    *(pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.timestamp("ns", zone) for zone in ("UTC", "Europe/Berlin", "+05:30")),
    *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
    pa.month_day_nano_interval(),
    *(
        getattr(pa, name)(9, 2) if "decimal" in name else getattr(pa, name)()
        for name in _NEWER
        if hasattr(pa, name)
    ),
)
_NESTED = (
    *(pa.list_(pa.int8()), pa.large_list(pa.string()), pa.list_(pa.float32(), 2)),
    *(pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))]), pa.map_(pa.string(), pa.int8())),
    pa.list_(pa.list_(pa.list_(pa.null()))),
)
TYPES = (*_PLAIN, *_NESTED)
# Texts and numbers that some reader may take for something else.
TEXTS = (
    *(
        "",
        " ",
        "NA",
        "null",
        "None",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "1e999",
        "0x1F",
        "1_0",
    ),
    *(
        "-0",
        "-0.0",
        "1e-400",
        "9" * 400,
        "True",
        "false",
        "1,5",
        '"',
        '""',
        "a\nb",
        "a\r\nb",
        "\x1a",
    ),
    *(
        "\ufeff",
        "ä",
        "\U0001f600",
        "\u202e",
        "2024-02-30",
        "2024-01-01T00:00:00Z",
        "=1+1",
        "\\N",
        "#",
    ),
)
NUMBERS = (0, 1, -1, 0.5, -0.0, 1e308, 5e-324, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63), 10**30)


def array_of(random: Random, kind: pa.DataType, rows: int) -> pa.Array:
    """Random values, some of them null; dictionary- or run-end-encoded where that goes."""
    made = pa.array([None] * rows, kind)
    if pa.types.is_null(kind):
        return made
    if random.random() < 0.9:
        made = _from_bytes(random, kind, rows)
    try:
        coded = random.random()
        if coded < 0.15:
            return made.dictionary_encode()
        return pa.compute.run_end_encode(made) if coded < 0.2 else made
    except (pa.ArrowException, AttributeError):
        return made


def _from_bytes(random: Random, kind: pa.DataType, rows: int) -> pa.Array:
    """Whatever bits stand there: NaNs of all kinds, years beyond all calendars."""
    holes = [random.random() < 0.2 for _ in range(rows)]
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_temporal(kind):
        width = kind.bit_width // 8
        bits = random.choice((random.randbytes, bytes, lambda size: b"\xff" * size))(rows * width)
        mask = pa.array([not hole for hole in holes], pa.bool_()).buffers()[1]
        return pa.Array.from_buffers(kind, rows, [mask, pa.py_buffer(bits)])
    values = [None if hole else _value(random, kind) for hole in holes]
    return pa.array(values, kind)


def _value(random: Random, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return random.random() < 0.5
    if pa.types.is_decimal(kind):
        return Decimal(random.randint(-9, 9)).scaleb(2)
    if pa.types.is_fixed_size_binary(kind):
        return random.randbytes(3)
    if "binary" in str(kind):
        return random.randbytes(random.randrange(5))
    if "string" in str(kind) and not pa.types.is_nested(kind):
        return random.choice(TEXTS)
    if pa.types.is_struct(kind):
        return {"a": 1, "b": [random.choice(TEXTS)]}
    if pa.types.is_map(kind):
        return [(random.choice(TEXTS), 1)]
    if pa.types.is_fixed_size_list(kind):
        return [1.5, None]
    return random.choice(([], [None], None))


def table_of(random: Random) -> pa.Table:
    """Up to five columns of any types; names may be empty, odd or there twice."""
    rows = random.choice((0, 1, 2, 3, 70))
    kinds = random.choices(TYPES, k=random.randint(1, 5))
    names = [random.choice(("a", "b", f"c{n}", "", "a.b", "ä", "a\nb")) for n in range(len(kinds))]
    return pa.table([array_of(random, kind, rows) for kind in kinds], names=names)


def arrow_stream(random: Random) -> bytes:
    """As a stream, sometimes as a file; in batches, compressed or not."""
    table = table_of(random)
    make = random.choice((pa.ipc.new_stream, pa.ipc.new_stream, pa.ipc.new_file))
    options = pa.ipc.IpcWriteOptions(
        compression=random.choice((None, None, "lz4", "zstd")), unify_dictionaries=True
    )
    sink = io.BytesIO()
    with make(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=random.choice((1, 50)))
    return sink.getvalue()


def parquet_file(random: Random) -> bytes:
    options: dict[str, Any] = {
        "compression": random.choice(("none", "snappy", "gzip", "brotli", "zstd", "lz4")),
        "version": random.choice(("1.0", "2.4", "2.6")),
        "data_page_version": random.choice(("1.0", "2.0")),
        "use_dictionary": random.random() < 0.5,
        "write_statistics": random.random() < 0.5,
        "row_group_size": random.choice((1, 1000)),
    }
    table = table_of(random)
    # Without the columns that the format has no type for.
    for place in reversed(range(table.num_columns)):
        try:
            _stored(table.select([place]), options)
        except (pa.ArrowException, OSError):
            table = table.remove_column(place)
    return _stored(table, options)


def _stored(table: pa.Table, options: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def json_rows(random: Random) -> bytes:
    """Each of the forms in which rows are JSON, with cells of every kind."""

    def cell() -> Any:
        kinds = (random.choice(NUMBERS), random.choice(TEXTS), None, True, [], {}, [1, [2]])
        return random.choice((*kinds[:5], *kinds[:5], *kinds))

    names = [random.choice(("a", "b", "", "ä", f"c{n}")) for n in range(random.randint(1, 4))]
    data = [[cell() for _ in names] for _ in range(random.choice((0, 1, 2, 40)))]
    records = [dict(zip(names, row, strict=True)) for row in data]
    split = {"columns": names, "data": data}
    columns = {name: [row[n] for row in data] for n, name in enumerate(names)}
    forms = (
        *(records, split, columns, data, {"instances": data}, {"instances": records}),
        *({"dataframe_split": split}, {"dataframe_records": records}, {"inputs": columns}),
        {**split, "index": list(range(len(data)))},
    )
    return json.dumps(random.choice(forms), ensure_ascii=random.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )


def csv_rows(random: Random) -> bytes:
    quoted = random.random() < 0.7
    separator = random.choice((",", ",", ",", ";", "\t"))
    end = random.choice(("\n", "\r\n", "\r"))

    def cell() -> str:
        text = random.choice((random.choice(TEXTS), str(random.choice(NUMBERS)), "7", "0.25"))
        return '"' + text.replace('"', '""') + '"' if quoted else text

    width = random.randint(1, 4)
    lines = [separator.join(f"c{n}" for n in range(width))]
    lines += [
        separator.join(cell() for _ in range(width)) for _ in range(random.choice((1, 3, 60)))
    ]
    return (end.join(lines) + random.choice((end, ""))).encode()


def matrix(random: Random) -> bytes:
    rows, columns = random.randint(1, 5), random.randint(1, 5)
    field = random.choice(("real", "integer", "complex", "pattern"))
    width = {"complex": 2, "pattern": 0}.get(field, 1)
    lines = [f"%%MatrixMarket matrix coordinate {field} general", "% a comment"]
    count = random.randint(0, 6)
    lines.append(f"{rows} {columns} {count}")
    for _ in range(count):
        cell = [str(random.choice(NUMBERS)) for _ in range(width)]
        place = [str(random.randint(1, rows)), str(random.randint(1, columns))]
        lines.append(" ".join((*place, *cell)))
    return "\n".join(lines).encode()


READERS: tuple[tuple[bytes, bytes, Callable[[Random], bytes]], ...] = (
    (ARROW, b"x.arrow", arrow_stream),
    (PARQUET, b"x.parquet", parquet_file),
    (b"application/json", b"x.json", json_rows),
    (b"text/csv", b"x.csv", csv_rows),
    (b"text/mtx", b"x.mtx", matrix),
)


def any_table(random: Random) -> tuple[bytes, bytes]:
    """Content type and body: a table for one of the readers, alone or as a part of a form."""
    kind, filename, make = random.choice(READERS)
    body = make(random)
    if random.random() < 0.2:
        part = file_part(body, filename=filename)
        if random.random() < 0.5:
            head, _, content = part.partition(b"\r\n\r\n")
            part = head + b"\r\nContent-Type: " + kind + b"\r\n\r\n" + content
        return FORM, form(part)
    return kind, body

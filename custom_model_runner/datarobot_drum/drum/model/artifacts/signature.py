"""MLflow's signature of a model: the columns that it takes, by name and type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from datarobot_drum.drum.exceptions import ColumnsError
from datarobot_drum.drum.model.cells import holding
from datarobot_drum.drum.model.columns import UNKNOWN, Extras, InputColumns

_INTEGERS: Final = {"integer": "int32", "long": "int64"}
_FLOATS: Final = {"float": "float32", "double": "float64"}
_KINDS: Final = {dtype: kind for kind, dtype in {**_INTEGERS, **_FLOATS}.items()}
_DATETIME: Final = "datetime64[ns]"
# What MLflow refuses to make of anything else.
_WORDS: Final = {
    "integer": "whole numbers of 32 bits, without gaps",
    "long": "whole numbers of 64 bits, without gaps",
    "boolean": "true or false, without gaps",
    "datetime": "points in time, such as 2024-01-31T09:30:00, without a time zone",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """What MLflow enforces before it predicts.

    Attributes:
        columns: other columns are dropped, as MLflow does it.
        types: MLflow's name of the type of each column of scalars, by the column's name.
        every: the type of all columns, of a model that takes them as one tensor.
    """

    columns: InputColumns = UNKNOWN
    types: Mapping[str, str] = field(default_factory=dict)
    every: str | None = None

    @property
    def takes_any_float(self) -> bool:
        """Whether float64 rows reach the model as they are."""
        return {"float", *_WORDS}.isdisjoint({*self.types.values(), self.every})

    def completing(self, known: InputColumns) -> InputColumns:
        """What the model remembers itself, and what only the signature tells."""
        if self.columns.names is None:
            fits = known.names is not None or known.count is not None
            return known if fits else replace(known, count=self.columns.count)
        if known.names is None or known.generated:
            return replace(self.columns, count=known.count)
        return replace(
            known,
            extras=Extras.DROPPED,
            text=known.text | (self.columns.text & frozenset(known.names)),
        )

    def enforced(self, data: Any) -> Any:
        """Columns of numbers that are floats by the signature, as those, and points in time as
        these; others as they are.

        Raises:
            ColumnsError: a value is no point in time, whole number or boolean where the signature
                has one.
        """
        return self._changed(data, _as_model_takes)

    def as_declared(self, data: Any) -> Any:
        """Every column as the type that the signature gives it, where that changes no value.

        MLflow refuses what a reader of CSV or JSON makes of some: int64 for ``integer`` and
        ``double``, float64 for ``float``, text for ``datetime``.
        """
        return self._changed(data, _as_type)

    def _changed(self, data: Any, convert: Any) -> Any:
        import pandas as pd

        if not isinstance(data, pd.DataFrame):
            return data
        if self.every is not None:
            return data.apply(convert, kind=self.every)
        changed = {}
        for name, kind in self.types.items():
            if name in data.columns:
                given = data[name]
                column = convert(given, kind)
                if column is not given:
                    changed[name] = column
        return data.assign(**changed) if changed else data


UNSIGNED: Final = Signature()


def read_signature(inputs: str | None) -> Signature:
    """The inputs of a signature, in the JSON that ``MLmodel`` holds.

    A table of numbers is one tensor of two dimensions without a name; what other tensors there
    are is left to MLflow.
    """
    specs = json.loads(inputs) if inputs else []
    if any(spec.get("type") == "tensor" for spec in specs):
        return _of_a_table(specs)
    if not specs:
        return UNSIGNED
    names = tuple(str(spec["name"]) for spec in specs if spec.get("name") is not None)
    if len(names) != len(specs):
        return Signature(InputColumns(count=len(specs)))
    types = {name: str(spec["type"]) for name, spec in zip(names, specs, strict=True)}
    columns = InputColumns(
        names,
        required=frozenset(n for n, spec in zip(names, specs, strict=True) if _is_required(spec)),
        extras=Extras.DROPPED,
        text=frozenset(name for name, kind in types.items() if kind == "string"),
    )
    return Signature(columns, types)


def _of_a_table(specs: Sequence[Mapping[str, Any]]) -> Signature:
    tensor = specs[0].get("tensor-spec", {})
    shape = tensor.get("shape", ())
    kind = _KINDS.get(tensor.get("dtype"))
    if len(specs) != 1 or specs[0].get("name") is not None or len(shape) != 2 or kind is None:
        return UNSIGNED
    return Signature(InputColumns(count=shape[1] if shape[1] > 0 else None), every=kind)


def _is_required(spec: Mapping[str, Any]) -> bool:
    return bool(spec.get("required", not spec.get("optional", False)))


def _is_number(column: Any) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _as_model_takes(column: Any, kind: str) -> Any:
    if kind in _WORDS:
        taken = _as_datetime(column) if kind == "datetime" else column
        if not _is_declared(taken, kind):
            raise _unlike(column, kind)
        return taken
    dtype = _FLOATS.get(kind)
    if dtype is None or column.dtype == dtype or not _is_number(column):
        return column
    return column.astype(dtype)


def _is_declared(column: Any, kind: str) -> bool:
    """Whether MLflow takes the column as one of that kind."""
    import pandas as pd

    if kind == "datetime":
        return bool(column.dtype.kind == "M")
    if kind == "boolean":
        return bool(pd.api.types.is_bool_dtype(column.infer_objects()))
    dtype = _INTEGERS[kind]
    return _is_number(column) and bool(_if_equal(column, dtype).dtype == dtype)


def _unlike(column: Any, kind: str) -> ColumnsError:
    values = column.tolist()
    place = next((i for i, value in enumerate(values) if not _is_one(value, kind)), 0)
    shown = holding(column.name, place, values[place])
    return ColumnsError(f"{shown}, but by the signature of the model it holds {_WORDS[kind]}.")


def _is_one(value: Any, kind: str) -> bool:
    import pandas as pd

    if kind == "datetime" and pd.isna(value):
        return True
    alone = pd.Series([value])
    return _is_declared(_as_datetime(alone) if kind == "datetime" else alone, kind)


def _as_type(column: Any, kind: str) -> Any:
    if kind == "datetime":
        return _as_datetime(column)
    if kind in _FLOATS and len(column) and column.isna().all():
        return column.astype(_FLOATS[kind])
    if not _is_number(column):
        return column
    if kind in _INTEGERS:
        return _if_equal(column, _INTEGERS[kind])
    if kind == "float" and column.dtype.kind == "f":
        return _as_single(column)
    return _if_equal(column, _FLOATS[kind]) if kind in _FLOATS else column


def _as_single(column: Any) -> Any:
    """Text has as many digits as it likes: the nearest float32 is what it says."""
    import numpy as np

    with np.errstate(over="ignore"):
        single = column.astype("float32")
    too_large = np.isinf(single) & ~np.isinf(column)
    return column if too_large.any() else single


def _if_equal(column: Any, dtype: str) -> Any:
    """The column as ``dtype``, if that is what all its values are; else itself."""
    import numpy as np

    if column.dtype == dtype:
        return column
    there = column.notna()
    if dtype in _INTEGERS.values() and not (there.all() and np.isfinite(column).all()):
        return column
    with np.errstate(invalid="ignore"):
        converted = column.astype(dtype)
        back = converted[there].astype(column.dtype)
    return converted if (back == column[there]).all() else column


def _as_datetime(column: Any) -> Any:
    import pandas as pd

    if not (pd.api.types.is_string_dtype(column) or column.isna().all()):
        return column
    try:
        return pd.to_datetime(column, format="ISO8601").astype(_DATETIME)
    except (ValueError, TypeError):
        return column

"""Columns by name: what a model remembers of its columns, and a table's brought to it.

The one place where that happens, whatever the framework, the format and the route. A model that
remembers names gets its columns by name and in its order; one that does not gets them by position.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from datarobot_drum.drum.exceptions import ColumnsError, ModelError
from datarobot_drum.drum.model.cells import holding, listed, quoted
from datarobot_drum.drum.model.column_kinds import Dates, as_dates, as_numbers, as_text
from datarobot_drum.drum.model.plain_dtypes import plain_dtypes
from datarobot_drum.drum.utils.spelling import Spelling

if TYPE_CHECKING:
    import pandas as pd

# Names for which a near one is looked for.
_MOST_TRIED: Final = 5
# As pandas and this project's readers take them.
_BOOLEANS: Final = {
    **dict.fromkeys(("True", "TRUE", "true"), True),
    **dict.fromkeys(("False", "FALSE", "false"), False),
}


class Extras(Enum):
    """What becomes of columns that the model does not know.

    REFUSED: the framework goes by position, or refuses them itself. DROPPED: it would ignore them
    by name. KEPT: the model itself looks at the frame, and nobody knows what it wants.
    """

    REFUSED = "refused"
    DROPPED = "dropped"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class InputColumns:
    """What a model remembers of the columns that it was fitted on.

    Attributes:
        names: in the model's order; None: it has no names, and takes columns by position.
        count: how many columns a model without names takes; None: nobody knows.
        required: the names that a table must have; None: all.
        extras: what becomes of other columns.
        generated: the framework made the names up (``Column_0``, ``0``), as it seems: they count
            when a table uses them; else columns go by position.
        spelling: how the framework wrote the names.
        text: columns whose values are text to the model, whatever they look like (``07``).
        gap_words: words among the values of these that stand for a missing one in a CSV, each with
            its column.
        numbers: columns of categories that are numbers or truth values: text beside them must not
            make text of them.
        takes_numbers_in_text: the framework itself knows 7 from a text.
        booleans: columns of text that were truth values: a model may know True as another thing
            than the text ``True``.
        flags: columns of objects to the model that are numbers or truth values.
        none_for_missing: columns of text or flags whose missing value the model knows as None.
        dates: columns of categories that are dates.
        categories: columns that the model takes as a pandas category, with their dtype.
        lost: columns of categories that the artifact does not keep, and why: nobody knows which
            number stands for which text.
        objects: the framework takes columns of objects; else numbers among them become floats,
            and anything else is refused.
    """

    names: tuple[str, ...] | None = None
    count: int | None = None
    required: frozenset[str] | None = None
    extras: Extras = Extras.REFUSED
    generated: bool = False
    spelling: Spelling = Spelling.AS_IT_IS
    text: frozenset[str] = frozenset()
    gap_words: frozenset[tuple[str, str]] = frozenset()
    numbers: frozenset[str] = frozenset()
    takes_numbers_in_text: bool = False
    booleans: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    none_for_missing: frozenset[str] = frozenset()
    dates: Mapping[str, Dates] = field(default_factory=dict)
    categories: Mapping[str, pd.CategoricalDtype] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    objects: bool = True


UNKNOWN: Final = InputColumns()


class Aligner:
    """Brings tables to one model; see ``aligned``.

    A client's tables have the same columns again and again: an index that fitted is known again
    at a twentieth of the cost of comparing names.
    """

    def __init__(self, columns: InputColumns) -> None:
        self._columns = columns
        self._known: tuple[pd.Index[Any], list[Any]] | None = None

    def __call__(self, frame: Any) -> Any:
        import numpy as np
        import pandas as pd

        # The fast path for arrays has no other check of them.
        if isinstance(frame, pd.DataFrame | np.ndarray) and frame.shape[:1] == (0,):
            raise ColumnsError("There are no rows to predict, only columns.")
        if not isinstance(frame, pd.DataFrame):
            return frame
        frame, known = plain_dtypes(frame), self._known
        if known is not None and frame.columns.is_(known[0]):
            return _as_the_model_knows_them(frame, self._columns, known[1])
        ordered = _in_order(frame, self._columns)
        names = ordered.columns.tolist()
        if ordered is frame:
            self._known = (frame.columns, names)
        return _as_the_model_knows_them(ordered, self._columns, names)


def aligned(frame: Any, columns: InputColumns) -> Any:
    """The frame with the model's columns, in the model's order, each of the model's own kind.

    Args:
        frame: a DataFrame; anything else is returned as it is.

    Raises:
        ColumnsError: a column is missing or unknown, appears twice, or there are too many or
            too few, and the text names them; or there are no rows.
    """
    return Aligner(columns)(frame)


def _in_order(frame: pd.DataFrame, columns: InputColumns) -> pd.DataFrame:
    names = columns.names
    given = tuple(frame.columns)
    if names is None:
        check_count(len(given), columns.count)
        return frame
    if given == names:
        return frame
    if _has_no_names(frame) or (columns.generated and not _are_used(given, columns, names)):
        check_count(len(given), len(names))
        return frame.set_axis(list(names), axis="columns")
    return _selected(frame, given, columns, names)


def _are_used(given: Sequence[Any], columns: InputColumns, names: Sequence[str]) -> bool:
    """Whether a table uses the names that a framework seems to have made up: all of them, or all
    but a misspelt one. A single one may be a coincidence.
    """
    used = {columns.spelling.of(str(name)) for name in given} & {*names}
    return len(used) == len(names) or len(used) >= max(2, len(names) - 1)


def _selected(
    frame: pd.DataFrame, given: Sequence[Any], columns: InputColumns, names: tuple[str, ...]
) -> pd.DataFrame:
    places = _places(given, columns, names)
    required = names if columns.required is None else columns.required
    missing = [name for name in names if name in required and name not in places]
    used = set(places.values())
    extra = [str(name) for place, name in enumerate(given) if place not in used]
    if columns.extras is Extras.KEPT:
        return _kept(frame, columns, names, places, extra)
    if missing or (extra and columns.extras is Extras.REFUSED):
        raise ColumnsError(_unfit(missing, extra, columns))
    found = [name for name in names if name in places]
    selected = frame.iloc[:, [places[name] for name in found]]
    return selected.set_axis(found, axis="columns")


def _kept(
    frame: pd.DataFrame,
    columns: InputColumns,
    names: Sequence[str],
    places: Mapping[str, int],
    extra: Sequence[str],
) -> pd.DataFrame:
    """All columns, the known ones first and in order, for a model that looks at the frame itself.

    It may need some of its columns only; but where one is missing and another unknown, and they
    look alike or the number is right, that is a misspelt one.
    """
    missing = [name for name in names if name not in places]
    right_number = frame.shape[1] == len(names)
    if missing and extra and (right_number or _hint(missing, extra, columns)):
        raise ColumnsError(_unfit(missing, extra, columns))
    known = [places[name] for name in names if name in places]
    order = known + [place for place in range(frame.shape[1]) if place not in {*known}]
    return frame if order == [*range(frame.shape[1])] else frame.iloc[:, order]


def _places(given: Sequence[Any], columns: InputColumns, names: Iterable[str]) -> dict[str, int]:
    """Where each of the model's columns stands in the table.

    Raises:
        ColumnsError: it stands there twice.
    """
    texts = [str(name) for name in given]
    by_name = {text: place for place, text in enumerate(texts)}
    twice = [text for text, count in Counter(texts).items() if count > 1 and text in {*names}]
    if twice:
        raise ColumnsError(f"The rows have {listed('column', twice)} more than once.")
    places = {name: by_name[name] for name in names if name in by_name}
    if columns.spelling is not Spelling.AS_IT_IS and len(places) < len(texts):
        _add_respelled(places, columns.spelling, texts, names)
    return places


def _add_respelled(
    places: dict[str, int], spelling: Spelling, texts: Sequence[str], names: Iterable[str]
) -> None:
    """Names that only the framework's spelling tells; not where it makes two columns one."""
    used = set(places.values())
    spelled: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        if place not in used:
            spelled.setdefault(spelling.of(text), []).append(place)
    for name in names:
        found = spelled.get(name, ())
        if name not in places and len(found) == 1:
            places[name] = found[0]


def _has_no_names(frame: pd.DataFrame) -> bool:
    """Whether the columns are only numbered, as in rows that came without names."""
    index = frame.columns
    return bool(index.dtype.kind in "iu" and list(index) == [*range(len(index))])


def check_count(given: int, wanted: int | None) -> None:
    """Refuse another number of columns than a model takes, where that is known.

    Raises:
        ColumnsError: the numbers differ.
    """
    if wanted is not None and given != wanted:
        noun = "column" if wanted == 1 else "columns"
        raise ColumnsError(f"The model takes {wanted} {noun}, but the rows have {given}.")


def _as_the_model_knows_them(
    frame: pd.DataFrame, columns: InputColumns, names: Sequence[Any]
) -> pd.DataFrame:
    kinds = columns.text or columns.categories or columns.flags or columns.numbers or columns.lost
    if columns.objects and not (kinds or columns.dates):
        return frame
    dtypes = dict(zip(names, _dtypes(frame), strict=True))
    for name, why in columns.lost.items():
        if dtypes[name].kind == "O" and not hasattr(dtypes[name], "categories"):
            raise ModelError(f"The model does not keep the categories of column '{name}': {why}.")
    changed = dict(_text(frame, columns, dtypes))
    for name in columns.dates.keys() & dtypes.keys():
        changed[name] = as_dates(frame[name], columns.dates[name])
    for name, dtype in columns.categories.items():
        if name in dtypes and dtypes[name] != dtype:
            changed[name] = _as_category(frame[name], dtype)
    if not columns.objects:
        kept = columns.text | columns.categories.keys()
        odd = [name for name, dtype in dtypes.items() if dtype.kind in "OmM" and name not in kept]
        changed |= _as_floats(frame, odd)
    return frame.assign(**changed) if changed else frame


def _text(
    frame: pd.DataFrame, columns: InputColumns, dtypes: Mapping[Any, Any]
) -> Iterator[tuple[str, Any]]:
    import numpy as np

    for name in columns.text & dtypes.keys():
        if name in columns.booleans:
            if dtypes[name].kind == "O":
                yield name, _with_booleans(frame[name])
        elif name in columns.none_for_missing:
            yield name, _with_none(frame[name])
        elif name not in columns.categories:
            column: Any = frame[name]
            empty = dtypes[name].kind == "f" and column.isna().all()
            if empty or dtypes[name].kind == "b" or not columns.takes_numbers_in_text:
                yield name, as_text(column)
    for name in (columns.numbers - columns.flags) & dtypes.keys():
        if not isinstance(dtypes[name], np.dtype) or dtypes[name].kind == "O":
            yield name, as_numbers(frame[name])
    for name in columns.flags & dtypes.keys():
        column = as_numbers(frame[name]).astype(object)
        yield name, _with_none(column) if name in columns.none_for_missing else column


def _as_floats(frame: pd.DataFrame, names: Iterable[Any]) -> dict[Any, Any]:
    """Columns of objects that are numbers or truth values, some perhaps missing, as floats:
    whole numbers beyond 64 bits, or what a JSON or an odd cell beside them made of them.

    Raises:
        ColumnsError: one holds something else.
    """
    found = {}
    for name in names:
        column: Any = as_numbers(frame[name])
        for place, value in enumerate(column.tolist()):
            if not (value is None or isinstance(value, Real)):
                raise ColumnsError(f"{holding(name, place, value)}, but the model takes numbers.")
        found[name] = column.astype(float)
    return found


def _dtypes(frame: pd.DataFrame) -> Iterable[Any]:
    # ``frame.dtypes`` makes a Series, which costs more than many a prediction.
    known = getattr(getattr(frame, "_mgr", None), "get_dtypes", None)
    dtypes: Iterable[Any] = frame.dtypes.array if known is None else known()
    return dtypes


def _with_none(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.astype(object).where(column.notna().to_numpy(), None)


def _with_booleans(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.astype(object).map(lambda value: _BOOLEANS.get(value, value))


def _as_category(column: pd.Series[Any], dtype: pd.CategoricalDtype) -> pd.Series[Any]:
    """Values that the model has not seen are missing, as the framework has it."""
    import numpy as np
    import pandas as pd

    values = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column
    known = dtype.categories.dtype
    if isinstance(known, np.dtype) and known.kind in "biuf":
        values = as_numbers(values)
    elif known.kind == "O":
        values = as_text(values)
    try:
        codes = dtype.categories.get_indexer(pd.Index(values))
    except TypeError as error:  # a list, or an object
        shown = quoted(str(column.name))
        raise ColumnsError(f"Column {shown} holds what is no category.") from error
    codes[column.isna().to_numpy()] = -1
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), index=column.index)


def _unfit(missing: Sequence[str], extra: Sequence[str], columns: InputColumns) -> str:
    parts = []
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        parts.append(f"{listed('column', missing)} of the model {verb} missing")
    if extra and columns.extras is not Extras.DROPPED:
        parts.append(f"{listed('column', extra)} not known to the model")
    found = "; ".join(parts)
    return f"The rows do not have the model's columns: {found}.{_hint(missing, extra, columns)}"


def _hint(missing: Sequence[str], extra: Sequence[str], columns: InputColumns) -> str:
    spelled = {columns.spelling.of(name).lower(): name for name in extra[:1000]}
    for name in missing[:_MOST_TRIED]:
        near = difflib.get_close_matches(name.lower(), spelled, n=1)
        if near:
            return f" Did you mean {quoted(name)} by {quoted(spelled[near[0]])}?"
    return ""

"""Column types that models know, and the one way in which values become a model's input.

Training and inference both go through :func:`read_column`, so a value cannot mean different things to them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from itertools import islice
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipelines.errors import PipelineError
from pipelines.strict import StrictModel

ColumnType = Literal["number", "integer", "boolean", "string", "date"]

EXACT_INTEGERS: Final = 2**53
"""Up to this size every integer is a float64; beyond it some are not."""

INEXACT: Final = "is an integer that a number of 64 bits cannot hold exactly; is it an identifier?"

UNIX_EPOCH: Final = date(1970, 1, 1)

_SHOWN: Final = 10
_MICROSECONDS_A_DAY: Final = 24 * 60 * 60 * 1_000_000


class Column(StrictModel):
    """One input column of a model. A column with categories is categorical; others are numbers."""

    name: str
    type: ColumnType = Field(description="Type in the data. A number may be given as integer or float.")
    categories: tuple[str, ...] | None = Field(default=None, description="Values seen in training, as text.")
    lowest: float | None = Field(default=None, description="Of a number: what the config allows, or training saw.")
    highest: float | None = None
    missing_allowed: bool = True
    epoch: date | None = Field(default=None, description="Of a date: the day that counts as 0.")

    def accepts(self, found: pa.DataType) -> bool:
        """Return whether data of Arrow type ``found`` can be this column.

        Integers pass as floats, as pandas makes of them where a value is missing, if they have no fraction.
        A column with no value at all has the type null.
        """
        kind = classify(found)
        if kind == "null":
            return self.missing_allowed
        if self.type in ("number", "integer"):
            return kind in ("number", "integer")
        return kind == self.type

    @property
    def arrow_type(self) -> pa.DataType:
        """The type to read this column as where the data has none of its own, as in CSV."""
        return {
            "number": pa.float64(),
            "integer": pa.int64(),
            "boolean": pa.bool_(),
            "string": pa.string(),
            "date": pa.timestamp("us"),
        }[self.type]

    def describe(self) -> str:
        """Describe the type in words."""
        return f"{self.type} (category)" if self.categories is not None else self.type


class ColumnValueError(PipelineError):
    """A column holds a value that a model cannot take."""


def classify(found: pa.DataType) -> ColumnType | Literal["null"] | None:
    """Return the column type of an Arrow type, however it is stored; None for one that models do not take."""
    if pa.types.is_dictionary(found):
        return classify(found.value_type)
    if pa.types.is_integer(found):
        return "integer"
    if pa.types.is_floating(found) or pa.types.is_decimal(found):
        return "number"
    if pa.types.is_boolean(found):
        return "boolean"
    if pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found):
        return "string"
    if pa.types.is_date(found) or pa.types.is_timestamp(found):
        return "date"
    if pa.types.is_null(found):
        return "null"
    return None


def describe_type(found: pa.DataType) -> str:
    """Return the column type of an Arrow type in words."""
    return classify(found) or str(found)


def list_some(values: Collection[Any] | pa.Array) -> str:
    """List at most ten values, and say how many there are."""
    shown = ", ".join(str(value) for value in islice(values, _SHOWN))
    return shown if len(values) <= _SHOWN else f"{shown}, ... ({len(values)} in all)"


def find_inexact(texts: Iterable[str]) -> str | None:
    """Return the first of ``texts`` that is an integer which float64 would round; None where there is none."""
    return next(
        (text for text in texts if text.lstrip("-").isdecimal() and int(text) != int(float(text))),
        None,
    )


def plain_values(array: pa.Array) -> pa.Array:
    """Return values in the one form that all ways to store them share.

    Dictionaries and views are undone, text without a character is missing, and a decimal is the float64 nearest to it.

    Raises:
        ArrowInvalid: a value does not fit that form.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return plain_values(array.dictionary_decode())
    if pa.types.is_decimal(kind):
        # By way of text, which is rounded once; Arrow's own cast multiplies and may be one bit off.
        return array.cast(pa.string()).cast(pa.float64())
    if classify(kind) == "string":
        text = array.cast(pa.string())
        empty = pc.equal(text, "")
        return pc.if_else(empty, None, text) if pc.any(empty).as_py() else text
    return array


def read_column(array: pa.Array, column: Column) -> pa.Array:
    """Return ``array`` as a model's input: float64 for a number, strings for a category, null where missing.

    A date is days since the column's epoch, with times as a fraction of UTC's day.

    Raises:
        ColumnValueError: a value is infinite, an integer that float64 does not hold exactly, has a fraction where an
            integer is expected, or is missing though the model takes no missing values.
    """
    try:
        if column.type == "date":
            values = _as_days(array, column)
        else:
            values = _as_text(array, column) if column.categories is not None else _as_float(array, column)
    except pa.ArrowInvalid as error:
        raise ColumnValueError(f"column {column.name!r}: {error}") from error
    if values.null_count and not column.missing_allowed:
        raise ColumnValueError(f"column {column.name!r}: a value is missing, and this model takes none missing")
    return values


def category_text(value: Any) -> str:
    """Return a category as text: ``1``, ``1.0`` and ``"1"`` are the same; true and false are lower case."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)


def _as_float(array: pa.Array, column: Column) -> pa.Array:
    if all_finite(array):
        return array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    _refuse_inexact(array, column)
    numbers = plain_values(array).cast(pa.float64(), safe=False)
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    if pc.any(pc.is_inf(numbers)).as_py():
        raise ColumnValueError(f"column {column.name!r}: a value is infinite")
    return numbers


def all_finite(array: pa.Array) -> bool:
    """Return whether ``array`` is of float64 without a null, NaN or infinity: the common case, told quickly."""
    if not pa.types.is_float64(array.type) or array.null_count or not len(array):
        return False
    values = array.to_numpy()
    # NaN and infinity show in the least or the greatest value, which needs no memory of its own.
    return bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def _refuse_inexact(array: pa.Array, column: Column) -> None:
    """Refuse an integer that would be rounded, as no two identifiers may become the same number."""
    whole = pa.types.is_integer(array.type) or (pa.types.is_decimal(array.type) and array.type.scale <= 0)
    if not whole or not len(array):
        return
    bounds = pc.min_max(array).as_py()
    if bounds["max"] is None or max(bounds["max"], -bounds["min"]) <= EXACT_INTEGERS:
        return
    value = find_inexact(map(str, array.drop_null()))
    if value is not None:
        raise ColumnValueError(f"column {column.name!r}: {value} {INEXACT}")


def _as_text(array: pa.Array, column: Column) -> pa.Array:
    array = plain_values(array)
    if column.type == "integer" and not pa.types.is_integer(array.type):
        numbers = _as_float(array, column)
        if pc.any(pc.not_equal(numbers, pc.floor(numbers))).as_py():
            raise ColumnValueError(f"column {column.name!r}: a value has a fraction; expected integers")
        array = numbers.cast(pa.int64())
    return array.cast(pa.string())


def _as_days(array: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        return array.cast(pa.float64())
    # Finer than a microsecond is cut off, so that every time is a float64 exactly.
    moments = array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False).cast(pa.int64())
    days = pc.divide(moments.cast(pa.float64()), float(_MICROSECONDS_A_DAY))
    return pc.subtract(days, float(((column.epoch or UNIX_EPOCH) - UNIX_EPOCH).days))

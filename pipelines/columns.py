"""Column types that models know, and the one way in which values become a model's input.

Training and inference both go through :func:`read_column`, so a value cannot mean different things to them.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipelines.errors import PipelineError
from pipelines.strict import StrictModel

ColumnType = Literal["number", "integer", "boolean", "string"]


class Column(StrictModel):
    """One input column of a model. A column with categories is categorical; others are numbers."""

    name: str
    type: ColumnType = Field(description="Type in the data. A number may be given as integer or float.")
    categories: tuple[str, ...] | None = Field(default=None, description="Values seen in training, as text.")
    lowest: float | None = Field(default=None, description="Of a number: what the config allows, or training saw.")
    highest: float | None = None
    missing_allowed: bool = True

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
        return {"boolean": pa.bool_(), "string": pa.string()}.get(self.type, pa.float64())

    def describe(self) -> str:
        """Describe the type in words."""
        return f"{self.type} (category)" if self.categories is not None else self.type


class ColumnValueError(PipelineError):
    """A column holds a value that a model cannot take."""


def classify(found: pa.DataType) -> ColumnType | Literal["null"] | None:
    """Return the column type of an Arrow type; None for one that models do not take."""
    if pa.types.is_dictionary(found):
        return classify(found.value_type)
    if pa.types.is_integer(found):
        return "integer"
    if pa.types.is_floating(found) or pa.types.is_decimal(found):
        return "number"
    if pa.types.is_boolean(found):
        return "boolean"
    if pa.types.is_string(found) or pa.types.is_large_string(found):
        return "string"
    if pa.types.is_null(found):
        return "null"
    return None


def read_column(array: pa.Array, column: Column) -> pa.Array:
    """Return ``array`` as a model's input: float64 for a number, strings for a category, null where missing.

    Raises:
        ColumnValueError: a value is infinite, has a fraction where an integer is expected, or is missing though the
            model takes no missing values.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    values = _as_text(array, column) if column.categories is not None else _as_float(array, column)
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
    numbers = array.cast(pa.float64())
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    if pc.any(pc.is_inf(numbers)).as_py():
        raise ColumnValueError(f"column {column.name!r}: a value is infinite")
    return numbers


def _as_text(array: pa.Array, column: Column) -> pa.Array:
    if column.type == "integer":
        numbers = _as_float(array, column)
        if pc.any(pc.not_equal(numbers, pc.floor(numbers))).as_py():
            raise ColumnValueError(f"column {column.name!r}: a value has a fraction; expected integers")
        array = numbers.cast(pa.int64())
    return array.cast(pa.string())

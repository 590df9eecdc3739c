"""What a config says of its data: a file or folder with its form, or a query and the secret that opens the database.

Nothing heavy is imported here, so that a config can be checked without loading Arrow.
"""

from __future__ import annotations

import codecs
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, field_validator, model_validator

from pipelines.locations import check_location, is_csv
from pipelines.strict import StrictModel

FilterValue = bool | int | float | datetime | date | str


class Filter(StrictModel, allow_inf_nan=False):
    """Rows to read by the value of one column; all that is said must hold. A row without a value is left out."""

    column: Annotated[str, Field(min_length=1)]
    one_of: Annotated[tuple[FilterValue, ...], Field(min_length=1)] | None = None
    none_of: Annotated[tuple[FilterValue, ...], Field(min_length=1)] | None = None
    above: FilterValue | None = None
    at_least: FilterValue | None = None
    below: FilterValue | None = None
    at_most: FilterValue | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Filter:
        if not self.rules:
            raise ValueError(f"{self.column}: give {', '.join(_RULES)}")
        return self

    @property
    def rules(self) -> dict[str, Any]:
        """What is asked of the column, by the name of the rule."""
        return {name: getattr(self, name) for name in _RULES if getattr(self, name) is not None}

    def __str__(self) -> str:
        """Return the filter as text, as lineage shows it."""
        said = (f"{name.replace('_', ' ')} {_as_text(value)}" for name, value in self.rules.items())
        return f"{self.column} {', '.join(said)}"


_RULES = tuple(name for name in Filter.model_fields if name != "column")


def _as_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


class FileSource(StrictModel):
    """A bundled set, a CSV or Parquet file, or a folder of Parquet parts."""

    path: str = Field(
        description="sklearn:breast_cancer, sklearn:diabetes, or a .csv, .csv.gz or .parquet file or a folder of "
        "Parquet parts: a path (relative to the working directory) or a bucket URL (s3://, gs://, az://)."
    )
    separator: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        default=",", description='Of a CSV file: what divides its fields, such as ";" or "\\t".'
    )
    decimal: Annotated[str, Field(pattern="^[.,]$")] = Field(
        default=".", description="Of a CSV file: the decimal mark of its numbers."
    )
    encoding: str = Field(default="utf-8", description="Of a CSV file: how its text is encoded, such as latin-1.")
    where: tuple[Filter, ...] = Field(
        default=(), description="Of Parquet: which rows to read. Parts and row groups that hold none are not read."
    )

    @field_validator("path")
    @classmethod
    def _can_be_read(cls, path: str) -> str:
        return check_location(path)

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            return codecs.lookup(encoding).name
        except LookupError:
            known = "utf-8, latin-1 and cp1252, for example"
            raise ValueError(f"{encoding!r} is not an encoding that Python knows; there are {known}") from None

    @model_validator(mode="after")
    def _form_fits_the_file(self) -> FileSource:
        form = [self.separator, self.decimal, self.encoding]
        if is_csv(self.path):
            if self.separator == self.decimal or self.separator in '"\r\n':
                raise ValueError(f"{self.separator!r} cannot be the separator")
            if self.where:
                raise ValueError("where: only Parquet and databases are filtered as they are read")
        elif form != [",", ".", "utf-8"]:
            raise ValueError(f"separator, decimal and encoding are of CSV; {self.path} is none")
        elif self.where and self.path.startswith("sklearn:"):
            raise ValueError("where: only Parquet and databases are filtered as they are read")
        return self

    def in_this_form(self, other: FileSource) -> FileSource:
        """Return ``other``, in the form of this file where both are CSV and ``other`` says nothing of its own."""
        said = {"separator", "decimal", "encoding"} & other.model_fields_set
        if said or not (is_csv(self.path) and is_csv(other.path)):
            return other
        form = {"separator": self.separator, "decimal": self.decimal, "encoding": self.encoding}
        return other.model_copy(update=form)

    @property
    def selection(self) -> str | None:
        """Which rows are read, in words; None for all of them."""
        return "; ".join(map(str, self.where)) or None

    @property
    def filtered_columns(self) -> frozenset[str]:
        """Columns that choose rows and need not be known to a model."""
        return frozenset(rule.column for rule in self.where)

    def __str__(self) -> str:
        """Return where the data is."""
        return self.path


def _from_text(given: Any) -> Any:
    return {"path": given} if isinstance(given, str) else given


Source = Annotated[FileSource, BeforeValidator(_from_text, json_schema_input_type=str | FileSource)]
"""A source as a config gives it: the path alone, or a section that also says the form of the data."""

_ADAPTER: TypeAdapter[FileSource] = TypeAdapter(Source)


def parse_source(given: str | FileSource) -> FileSource:
    """Return the source that a path names, or the source itself.

    Raises:
        ValueError: it is not one that can be read.
    """
    try:
        return _ADAPTER.validate_python(given)
    except ValidationError as error:
        raise ValueError("; ".join(str(p.get("ctx", {}).get("error", p["msg"])) for p in error.errors())) from error

"""What a config says of its data: a file or folder with its form, or a query and the secret that opens the database.

Nothing heavy is imported here, so that a config can be checked without loading Arrow.
"""

from __future__ import annotations

import codecs
from datetime import date, datetime
from typing import Annotated, Any, Literal

import yaml
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

    type: Literal["file"] = "file"
    path: str = Field(
        description="sklearn:breast_cancer, :diabetes or :digits, or a .csv, .csv.gz or .parquet file or a folder of "
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
                raise ValueError(
                    f"where: {self.path} is CSV, and only Parquet and databases are filtered as they are read: write "
                    "it as Parquet, or only the rows that are wanted"
                )
        elif form != [",", ".", "utf-8"]:
            raise ValueError(f"separator, decimal and encoding are of CSV; {self.path} is none")
        elif self.where and self.path.startswith("sklearn:"):
            raise ValueError("where: only Parquet and databases are filtered as they are read")
        return self

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


class DatabaseSource(StrictModel):
    """A table, or what a query returns, in an order that the next reading gives again."""

    type: str
    secret: Annotated[str, Field(min_length=1)] = Field(
        description="Name of the ZenML secret that opens the database. Nothing of it stands in a config."
    )
    query: Annotated[str, Field(min_length=1)] | None = Field(default=None, description="A single SELECT.")
    table: Annotated[str, Field(pattern=r"^[\w$-]+(\.[\w$-]+){0,2}$")] | None = Field(
        default=None, description="In place of a query: a table or view, such as ward.patients."
    )
    order_by: Annotated[tuple[Annotated[str, Field(pattern=r"^[^`\"\\]+$")], ...], Field(min_length=1)] = Field(
        description="Columns that no two rows share all values of. A database has no order of its own, and rows are "
        "divided and numbered by it."
    )

    @model_validator(mode="after")
    def _query_or_table(self) -> DatabaseSource:
        if (self.query is None) == (self.table is None):
            raise ValueError("give a query or a table")
        return self

    def statement(self, quote: str, columns: tuple[str, ...] = ()) -> str:
        """Return the SELECT of ``columns`` (all when none are named), in order, with ``quote`` around names."""

        def quoted(name: str) -> str:
            return f"{quote}{name.replace(quote, '')}{quote}"

        chosen = ", ".join(map(quoted, columns)) or "*"
        if self.query is None:
            assert self.table is not None
            rows = ".".join(map(quoted, self.table.split(".")))
        else:
            # On lines of its own, as a query may end in a comment.
            rows = f"(\n{self.query.strip().rstrip(';')}\n)"
        # Every name is quoted, and the query is the config's own.
        return f"SELECT {chosen} FROM {rows} AS source ORDER BY {', '.join(map(quoted, self.order_by))}"  # noqa: S608

    @property
    def selection(self) -> str:
        """The query, as lineage shows it."""
        return self.statement('"')

    @property
    def filtered_columns(self) -> frozenset[str]:
        """Columns that choose or order rows and need not be known to a model."""
        return frozenset(self.order_by)

    def __str__(self) -> str:
        """Return where the data is, without what the secret says of it."""
        return f"{self.type} {self.table or 'query'} (secret {self.secret})"


class PostgresqlSource(DatabaseSource):
    """Rows of a PostgreSQL database."""

    type: Literal["postgresql"]


class BigQuerySource(DatabaseSource):
    """Rows of BigQuery."""

    type: Literal["bigquery"]


AnySource = FileSource | PostgresqlSource | BigQuerySource


def _from_text(given: Any) -> Any:
    if isinstance(given, str):
        try:
            given = yaml.safe_load(given) if given.startswith("{") else {"path": given}
        except yaml.YAMLError as error:
            raise ValueError(f"not valid YAML: {error}") from error
    return {"type": "file", **given} if isinstance(given, dict) else given


Source = Annotated[
    Annotated[AnySource, Field(discriminator="type")],
    BeforeValidator(_from_text, json_schema_input_type=str | FileSource | PostgresqlSource | BigQuerySource),
]
"""A source as a config gives it: the path alone, or a section that also says the form of the data."""

_ADAPTER: TypeAdapter[AnySource] = TypeAdapter(Source)


def parse_source(given: str | dict[str, Any] | AnySource) -> AnySource:
    """Return the source that a path, a section or a section's YAML in braces names, or the source itself.

    Raises:
        ValueError: it is not one that can be read.
    """
    try:
        return _ADAPTER.validate_python(given)
    except ValidationError as error:
        raise ValueError("; ".join(_explain(problem) for problem in error.errors())) from error


def _explain(problem: Any) -> str:
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    where = ".".join(str(part) for part in problem["loc"][1:])
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])


def in_form_of(other: AnySource, own: AnySource) -> AnySource:
    """Return ``other``, in the form of ``own`` where both are CSV and ``other`` says nothing of its form."""
    if not isinstance(other, FileSource) or not isinstance(own, FileSource):
        return other
    said = {"separator", "decimal", "encoding"} & other.model_fields_set
    if said or not (is_csv(own.path) and is_csv(other.path)):
        return other
    form = {"separator": own.separator, "decimal": own.decimal, "encoding": own.encoding}
    return other.model_copy(update=form)

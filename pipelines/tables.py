"""Opening data as Arrow record batches, from a file, a bucket or scikit-learn, without holding all of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from pipelines.errors import PipelineError
from pipelines.locations import check_location

BATCH_CELLS: Final = 200_000
"""Cells (rows times columns) read at once. With five times as many, Arrow's memory was seen to grow with the rows."""

_READ_BUFFER: Final = 1 << 20

_CONVERSION: Final = re.compile(
    r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to (\w+): invalid value (.*)", re.DOTALL
)


class DataSourceError(PipelineError):
    """Data cannot be read; the message says where and why."""


class ConversionError(DataSourceError):
    """A field of a CSV file is not of its column's type."""

    def __init__(self, location: str, problem: str) -> None:
        self.location, self.problem = location, problem
        super().__init__(f"{location}: {problem}")


@dataclass(frozen=True)
class Table:
    """Data with a known schema, whose rows are read anew each time they are asked for."""

    location: str
    schema: pa.Schema
    read: Callable[[], Iterator[pa.RecordBatch]]

    def select(self, names: frozenset[str]) -> Table:
        """Keep only the columns in ``names``; those that are not here are left for the caller to miss."""
        kept = [name for name in self.schema.names if name in names]
        return Table(
            self.location,
            pa.schema([self.schema.field(name) for name in kept]),
            lambda: (batch.select(kept) for batch in self.read()),
        )


def open_table(location: str, csv_types: Mapping[str, pa.DataType] | None = None) -> Table:
    """Open the data at ``location``: a bundled set, or a CSV or Parquet file at a path or in a bucket.

    A CSV file has names but no types: a column takes its type from ``csv_types`` (text when not listed), or, where
    ``csv_types`` is None, the type that all of its values fit. An empty field is a missing value.

    Raises:
        DataSourceError: nothing is there, it cannot be read, or it is not what its name says.
        ValueError: the location is not one that can be read.
    """
    check_location(location)
    if location.startswith("sklearn:"):
        return _open_bundled(location)
    # Reads the header or footer now, so that what is wrong with the file as a whole is known before any row is read.
    with _open(location) as file:
        if location.endswith(".parquet"):
            return _describe_parquet(location, file)
        return _describe_csv(location, file, csv_types)


def _open_bundled(location: str) -> Table:
    from sklearn.datasets import load_breast_cancer, load_diabetes

    # Unscaled: clinicians and fairness reports need years and the recorded sex, not z-scores.
    bunch = (
        load_breast_cancer(as_frame=True)
        if location == "sklearn:breast_cancer"
        else load_diabetes(as_frame=True, scaled=False)
    )
    table = pa.Table.from_pandas(bunch.frame, preserve_index=False)
    return Table(location, table.schema.remove_metadata(), lambda: iter(table.to_batches()))


def _describe_parquet(location: str, file: Any) -> Table:
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataSourceError(f"{location}: not a Parquet file: {error}") from error
    # pandas stores a frame's index as a column and says so in the metadata; it is no column of the data.
    index = {name for name in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(name, str)}
    fields = [field for field in schema if not (field.name in index and field.name.startswith("__index_level_"))]
    names = [field.name for field in fields]
    _refuse_repeated(location, names)
    rows_at_once = max(1, BATCH_CELLS // max(1, len(names)))

    def read() -> Iterator[pa.RecordBatch]:
        with _open(location) as opened:
            # Buffered and not prefetched: otherwise a row group, which may be the whole file, is held at once.
            parquet = pq.ParquetFile(opened, pre_buffer=False, buffer_size=_READ_BUFFER)
            try:
                yield from parquet.iter_batches(rows_at_once, columns=names, use_threads=False)
            except (pa.ArrowInvalid, OSError) as error:
                raise DataSourceError(f"{location}: cannot be read to its end: {error}") from error

    return Table(location, pa.schema(fields), read)


def _describe_csv(location: str, file: Any, csv_types: Mapping[str, pa.DataType] | None) -> Table:
    header = file.readline()
    if not header.strip():
        raise DataSourceError(f"{location}: is empty")
    try:
        names = [str(name) for name in _parse_header(header)]
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataSourceError(f"{location}: the first line is not a CSV header: {error}") from error
    _refuse_repeated(location, names)
    if csv_types is None:
        file.seek(0)
        try:
            table = pyarrow.csv.read_csv(file, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
        except pa.ArrowInvalid as error:
            raise DataSourceError(f"{location}: {error}") from error
        return Table(location, table.schema, lambda: iter(table.to_batches()))

    types = {name: csv_types.get(name, pa.string()) for name in names}
    convert = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    blocks = pyarrow.csv.ReadOptions(use_threads=False)  # in one thread, errors name the row

    def read() -> Iterator[pa.RecordBatch]:
        with _open(location) as opened:
            try:
                yield from pyarrow.csv.open_csv(opened, read_options=blocks, convert_options=convert)
            except pa.ArrowInvalid as error:
                raise _csv_error(location, str(error), names) from error

    return Table(location, pa.schema(list(types.items())), read)


def _parse_header(line: bytes) -> list[str]:
    return cast(list[str], pyarrow.csv.read_csv(pa.BufferReader(line.rstrip(b"\r\n") + b"\n")).column_names)


def _csv_error(location: str, message: str, names: list[str]) -> DataSourceError:
    """Return Arrow's message, with the column's name in place of its number where it is about a column."""
    found = _CONVERSION.search(message)
    if found is None:
        return DataSourceError(f"{location}: {message}")
    column, row, expected, value = found.groups()
    where = f" in line {row}" if row else ""
    expected = {"double": "number", "bool": "boolean"}.get(expected, expected)
    return ConversionError(location, f"column {names[int(column)]!r}: expected {expected}, found {value}{where}")


def _refuse_repeated(location: str, names: list[str]) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataSourceError(f"{location}: {', '.join(map(repr, repeated))}: more than one column of that name")


def _open(location: str) -> Any:
    scheme = urlsplit(location).scheme if "://" in location else "file"
    try:
        return fsspec.open(location, "rb").open()
    except FileNotFoundError as error:
        raise DataSourceError(f"{location}: does not exist") from error
    except ImportError as error:
        raise DataSourceError(f"{location}: reading {scheme}:// needs another package: {error}") from error
    except _errors_of(scheme) as error:
        raise DataSourceError(f"{location}: cannot be opened: {error}") from error


def _errors_of(scheme: str) -> tuple[type[Exception], ...]:
    """Return what opening raises; a bucket's client has errors of its own, such as for missing credentials."""
    if scheme == "s3":
        from botocore.exceptions import BotoCoreError

        return (OSError, BotoCoreError)
    return (OSError,)

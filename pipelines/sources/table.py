"""Data whose columns are known before its rows are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from pipelines.errors import PipelineError

BATCH_CELLS: Final = 1_000_000
"""Cells (rows times columns) read at once. With fewer, what every piece costs by itself is seen in the time."""


class DataSourceError(PipelineError):
    """Data cannot be read; the message says where and why."""


class ConversionError(DataSourceError):
    """A field of a CSV file is not of its column's type."""

    def __init__(self, location: str, problem: str) -> None:
        self.location, self.problem = location, problem
        super().__init__(f"{location}: {problem}")


@dataclass(frozen=True)
class Table:
    """Data with a known schema, whose rows are read anew, in the same order, each time they are asked for."""

    location: str
    schema: pa.Schema
    read_columns: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
    """Reads the named columns, in the order of the names."""
    selection: str | None = None
    """The query or the filters that chose the rows; None where all are read."""

    def read(self) -> Iterator[pa.RecordBatch]:
        """Read all rows in pieces.

        Raises:
            DataSourceError: the data cannot be read to its end.
        """
        return self.read_columns(self.schema.names)

    def select(self, names: frozenset[str]) -> Table:
        """Keep only the columns in ``names``; those that are not here are left for the caller to miss."""
        return replace(self, schema=pa.schema([field for field in self.schema if field.name in names]))


def refuse_repeated(location: str, names: Sequence[str]) -> None:
    """Refuse columns of the same name.

    Raises:
        DataSourceError: there are some.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataSourceError(f"{location}: {', '.join(map(repr, repeated))}: more than one column of that name")

"""What a batch holds: read in full and checked before any of it is scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipelines.columns import Column, ColumnValueError, list_some, plain_values, read_column
from pipelines.config import ModelConfig
from pipelines.digests import DataDigest
from pipelines.prefetch import prefetch
from pipelines.signature import Signature, SignatureMismatchError
from pipelines.sources.description import AnySource, in_form_of, parse_source
from pipelines.sources.shard import Shard
from pipelines.strict import StrictModel
from pipelines.tables import ConversionError, DataSourceError, Table, open_table


class ShardProfile(StrictModel):
    """What one shard of a batch holds."""

    rows: int
    data_digest: str


class InputProfile(StrictModel):
    """A batch that fits a model's signature, in figures."""

    location: str
    selection: str | None = Field(default=None, description="The filters or the query that chose the rows.")
    rows: int
    missing: dict[str, int] = Field(description="For each input column, rows in which it has no value.")
    unseen_categories: dict[str, int] = Field(
        description="For each categorical column, rows whose category training did not see."
    )
    outside_range: dict[str, int] = Field(
        description="For each numeric column, rows below or above what the config allows or, where it says nothing, "
        "what training saw."
    )
    data_digest: str = Field(
        description="Of the id, as text, and the input columns, in the form that the model takes, however stored. "
        "Of shards: SHA-256 over a line '<rows> <digest>' and a line feed for each."
    )
    shards: tuple[ShardProfile, ...] = Field(default=(), description="In order, where there are several.")


@dataclass
class InputReader:
    """Reads a batch in pieces, as a model takes them, and keeps count."""

    table: Table
    signature: Signature
    rows: int = 0
    _digest: DataDigest = field(default_factory=DataDigest)
    _missing: Counter[str] = field(default_factory=Counter)
    _unseen: Counter[str] = field(default_factory=Counter)
    _outside: Counter[str] = field(default_factory=Counter)

    def pieces(self) -> Iterator[pa.RecordBatch]:
        """Yield consecutive rows: the id column (if the model has one) as it is, and the input columns.

        Raises:
            DataSourceError: the data cannot be read to its end.
            SignatureMismatchError: a value is one that the model does not take.
        """
        for batch in self._batches():
            if not batch.num_rows:
                continue
            read = {}
            if self.signature.id_column is not None:
                read[self.signature.id_column] = self._identity(batch[self.signature.id_column])
            for column in self.signature.columns:
                try:
                    values = read_column(batch[column.name], column)
                except ColumnValueError as error:
                    raise self._refuse(str(error), batch.num_rows) from error
                self._missing[column.name] += values.null_count
                if column.categories is not None:
                    self._count_unseen(column.name, values, column.categories)
                else:
                    self._outside[column.name] += _count_outside(values, column)
                read[column.name] = values
            self._digest.update(self._as_digested(read))
            self.rows += batch.num_rows
            yield pa.RecordBatch.from_pydict(read)

    def profile(self) -> InputProfile:
        """Return figures of what has been read."""
        categorical = [column.name for column in self.signature.columns if column.categories is not None]
        return InputProfile(
            location=self.table.location,
            selection=self.table.selection,
            rows=self.rows,
            missing={name: self._missing[name] for name in self.signature.column_names},
            unseen_categories={name: self._unseen[name] for name in categorical},
            outside_range={
                name: self._outside[name] for name in self.signature.column_names if name not in categorical
            },
            data_digest=self._digest.hexdigest(),
        )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from prefetch(self.table.read())
        except ConversionError as error:
            raise SignatureMismatchError(error.location, [error.problem]) from error

    def _identity(self, values: pa.Array) -> pa.Array:
        values = plain_values(values)
        if values.null_count:
            raise self._refuse(f"column {self.signature.id_column!r}: a row has no id", len(values))
        return values

    def _as_digested(self, read: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """Return the columns with the id as text, as CSV knows no other."""
        name = self.signature.id_column
        return read if name is None else {**read, name: read[name].cast(pa.string())}

    def _count_unseen(self, name: str, values: pa.Array, categories: tuple[str, ...]) -> None:
        seen = pc.is_in(values, value_set=pa.array((*categories, None), values.type))
        if pc.all(seen).as_py():
            return
        unseen = values.filter(pc.invert(seen))
        self._unseen[name] += len(unseen)
        if len(unseen) and self.signature.unseen_categories == "refuse":
            raise self._refuse(
                f"column {name!r}: expected one of {list_some(categories)}, found {unseen[0].as_py()!r}", len(values)
            )

    def _refuse(self, problem: str, rows: int) -> SignatureMismatchError:
        return SignatureMismatchError(f"{self.table.location}, rows {self.rows} to {self.rows + rows - 1}", [problem])


def _count_outside(values: pa.Array, column: Column) -> int:
    found = 0
    if column.lowest is not None:
        found += pc.less(values, column.lowest).true_count
    if column.highest is not None:
        found += pc.greater(values, column.highest).true_count
    return int(found)


def open_input(config: ModelConfig, signature: Signature, location: str | None, shard: Shard | None = None) -> Table:
    """Open the data at ``location``, or the config's own source when that is None, and check its columns and types.

    Of its own source a model takes the columns it knows, as in training; data given by a user must hold no other.

    Raises:
        DataSourceError: the data cannot be read.
        SignatureMismatchError: a column is missing, unknown or of another type.
    """
    source = _source_at(config, location)
    opened = open_table(source, signature.csv_types(), shard)
    if location is None:
        opened = opened.select(signature.known_columns)
    else:
        # What only chooses rows is no misspelt column.
        opened = opened.select(frozenset(opened.schema.names) - (source.filtered_columns - signature.known_columns))
    signature.check(opened.schema, opened.location)
    return opened


def check_shards(config: ModelConfig, location: str | None, shards: int) -> None:
    """Refuse a batch that cannot be divided into so many shards.

    Raises:
        DataSourceError: it is no folder of at least as many Parquet parts, or cannot be read.
    """
    open_table(_source_at(config, location), shard=Shard(0, shards))


def profile_input(
    config: ModelConfig, signature: Signature, location: str | None, shard: Shard | None = None
) -> InputProfile:
    """Read all of a batch, or of one shard of it, and check every value; memory does not grow with its rows.

    Raises:
        DataSourceError: the data cannot be read, or holds no rows.
        SignatureMismatchError: a column or a value is not one that the model takes.
    """
    reader = InputReader(open_input(config, signature, location, shard), signature)
    for _ in reader.pieces():
        pass
    if not reader.rows and shard is None:  # filters may leave a shard empty; the batch they may not
        raise DataSourceError(f"{reader.table.location}: holds no rows")
    return reader.profile()


def merge_profiles(profiles: Sequence[InputProfile]) -> InputProfile:
    """Put the profiles of a batch's shards, in order, together as that of the batch.

    Raises:
        DataSourceError: none of them holds a row.
    """
    shards = tuple(ShardProfile(rows=part.rows, data_digest=part.data_digest) for part in profiles)
    rows = sum(part.rows for part in shards)
    if not rows:
        raise DataSourceError(f"{profiles[0].location}: holds no rows")

    def added(name: str) -> dict[str, int]:
        counts = [getattr(part, name) for part in profiles]
        return {column: sum(count[column] for count in counts) for column in counts[0]}

    return InputProfile(
        location=profiles[0].location,
        selection=profiles[0].selection,
        rows=rows,
        missing=added("missing"),
        unseen_categories=added("unseen_categories"),
        outside_range=added("outside_range"),
        data_digest=sha256("".join(f"{part.rows} {part.data_digest}\n" for part in shards).encode()).hexdigest(),
        shards=shards,
    )


def _source_at(config: ModelConfig, location: str | None) -> AnySource:
    return config.source if location is None else in_form_of(parse_source(location), config.source)

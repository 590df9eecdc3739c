"""Opening data as Arrow record batches, wherever it is, without holding all of it."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from pipelines.locations import is_csv
from pipelines.sources.bigquery import open_bigquery
from pipelines.sources.bundled import open_bundled
from pipelines.sources.csv_file import open_csv
from pipelines.sources.description import AnySource, BigQuerySource, FileSource, PostgresqlSource, parse_source
from pipelines.sources.parquet import open_parquet
from pipelines.sources.postgresql import open_postgresql
from pipelines.sources.shard import Shard
from pipelines.sources.table import ConversionError, DataSourceError, Table

__all__ = ["ConversionError", "DataSourceError", "Table", "open_table"]


def open_table(
    source: str | AnySource, csv_types: Mapping[str, pa.DataType | None] | None = None, shard: Shard | None = None
) -> Table:
    """Open the data that ``source`` names.

    A CSV file has names but no types: ``csv_types`` says what to read its columns as, as
    :func:`pipelines.sources.csv_file.open_csv` has it. ``shard`` says which parts of a folder to read.

    Raises:
        DataSourceError: nothing is there, it cannot be read, it is not what its name says, or it has no shards.
        ValueError: the source is not one that can be read.
    """
    described = parse_source(source)
    if shard is not None and (
        not isinstance(described, FileSource) or is_csv(described.path) or described.path.startswith("sklearn:")
    ):
        raise DataSourceError(f"{described}: only a folder of Parquet parts is scored in shards; set SHARDS=1")
    if isinstance(described, PostgresqlSource):
        return open_postgresql(described)
    if isinstance(described, BigQuerySource):
        return open_bigquery(described)
    if described.path.startswith("sklearn:"):
        return open_bundled(described.path)
    return open_csv(described, csv_types) if is_csv(described.path) else open_parquet(described, shard)

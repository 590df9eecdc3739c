"""Reading PostgreSQL over ADBC: in one read-only transaction, in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.columns import EXACT_INTEGERS, INEXACT, find_inexact
from pipelines.sources.database import check_order, in_order, read_secret, refuse
from pipelines.sources.description import PostgresqlSource
from pipelines.sources.table import DataSourceError, Table

_KEYS: Final = ("uri", "host", "port", "database", "user", "password", "sslmode")
_CONNECT_SECONDS: Final = 15
_LOCAL_HOSTS: Final = ("", "localhost", "127.0.0.1", "::1")


def open_postgresql(source: PostgresqlSource) -> Table:
    """Open what a query returns; the database plans it now and runs it when rows are read.

    Raises:
        DataSourceError: the secret or the database is not there, or it refuses the query.
    """
    secrets = read_secret(source, _KEYS)
    with _transaction(source, secrets) as cursor:
        stored = cursor.adbc_execute_schema(source.statement('"'))
    schema = pa.schema([(field.name, _plain_type(field.type)) for field in stored])
    check_order(source, schema.names)

    def read(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = tuple(dict.fromkeys((*names, *source.order_by)))
        with _transaction(source, secrets) as cursor:
            cursor.execute(source.statement('"', wanted))
            batches = (_plain(source, batch) for batch in cursor.fetch_record_batch())
            for piece in in_order(source, batches):
                yield piece.select(list(names))

    return Table(str(source), schema, read, source.selection)


@contextmanager
def _transaction(source: PostgresqlSource, secrets: Mapping[str, str]) -> Iterator[Any]:
    """Open a connection whose only transaction reads, and sees the database as it is now."""
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    try:
        with closing(dbapi.connect(_uri(source, secrets))) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield cursor
    except (Error, OSError, ValueError) as error:
        # Not chained: the driver's own words may hold the connection.
        raise refuse(source, error, secrets) from None


def _uri(source: PostgresqlSource, secrets: Mapping[str, str]) -> str:
    """Return the connection, encrypted where it leaves the machine and the secret does not say otherwise."""
    if "uri" in secrets:
        scheme, place, path, query, _ = urlsplit(secrets["uri"])
        host = urlsplit(secrets["uri"]).hostname
        given = dict(parse_qsl(query))
    elif {"host", "database"} <= set(secrets):
        scheme, place, path, host = "postgresql", "", f"/{quote(secrets['database'], '')}", None
        given = {name: value for name, value in secrets.items() if name != "database"}
    else:
        raise DataSourceError(f"{source}: the secret needs uri, or host and database")
    host = given.get("host", host or "")
    mode = "prefer" if host in _LOCAL_HOSTS or host.startswith("/") else "require"
    options = {"connect_timeout": str(_CONNECT_SECONDS), "sslmode": mode, "application_name": "groundwork", **given}
    return f"{scheme}://{place}{path}?{urlencode(options, quote_via=quote)}"


def _is_numeric(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.OpaqueType) and kind.type_name == "numeric"


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return pa.float64() if _is_numeric(kind) else kind


def _plain(source: PostgresqlSource, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn ``numeric``, which arrives as text, into numbers."""
    columns = []
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        if _is_numeric(values.type):
            texts = values.storage
            values = texts.cast(pa.float64())
            large = texts.filter(pc.greater_equal(pc.abs(values), float(EXACT_INTEGERS)))
            if text := find_inexact(map(str, large.drop_null())):
                raise DataSourceError(f"{source}: column {name!r}: {text} {INEXACT}")
        columns.append(values)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

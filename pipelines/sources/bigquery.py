"""Reading BigQuery by its client: a query that only reads, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from pipelines.sources import table
from pipelines.sources.database import check_order, in_order, read_secret, refuse
from pipelines.sources.description import BigQuerySource
from pipelines.sources.table import DataSourceError, Table

if TYPE_CHECKING:
    from google.cloud import bigquery

_KEYS: Final = ("project", "location", "service_account_json")
_RETRY_SECONDS: Final = 60.0
_TYPES: Final = {
    "STRING": pa.string(),
    "INTEGER": pa.int64(),
    "INT64": pa.int64(),
    "FLOAT": pa.float64(),
    "FLOAT64": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BIGNUMERIC": pa.decimal256(76, 38),
    "BOOLEAN": pa.bool_(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}


def open_bigquery(source: BigQuerySource) -> Table:
    """Open what a query returns; BigQuery plans it now, for nothing, and runs it when rows are read.

    Raises:
        DataSourceError: the secret or the service is not there, it refuses the query, or that is no SELECT.
    """
    secrets = read_secret(source, _KEYS)
    with _client(source, secrets) as client:
        planned = _submit(client, source.statement("`"), dry_run=True)
        kind, fields = planned.statement_type, planned.schema or ()
    if kind != "SELECT":
        raise DataSourceError(f"{source}: the query is {kind}, and only a SELECT is run")
    # Arrays, structs and the like have a type that no model takes, and are refused by name if one is asked for.
    schema = pa.schema(
        [
            (field.name, pa.binary() if field.mode == "REPEATED" else _TYPES.get(field.field_type, pa.binary()))
            for field in fields
        ]
    )
    check_order(source, schema.names)

    def read(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = tuple(dict.fromkeys((*names, *source.order_by)))
        kinds = pa.schema([schema.field(name) for name in wanted])
        with _client(source, secrets) as client:
            job = _submit(client, source.statement("`", wanted), dry_run=False)
            rows = job.result(page_size=max(1, table.BATCH_CELLS // len(wanted)), retry=_retry(), timeout=None)
            for piece in in_order(source, (batch.cast(kinds) for batch in rows.to_arrow_iterable())):
                yield piece.select(list(names))

    return Table(str(source), schema, read, source.selection)


def _submit(client: bigquery.Client, statement: str, *, dry_run: bool) -> Any:
    from google.cloud.bigquery import QueryJobConfig

    settings = QueryJobConfig(dry_run=dry_run, use_legacy_sql=False, labels={"managed_by": "groundwork"})
    return client.query(statement, settings, retry=_retry(), job_retry=None, timeout=_RETRY_SECONDS)


def _retry() -> Any:
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(_RETRY_SECONDS)


@contextmanager
def _client(source: BigQuerySource, secrets: Mapping[str, str]) -> Iterator[bigquery.Client]:
    """Open a client with the secret's service account or, where it names none, the identity of whoever runs."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import bigquery
    from google.oauth2 import service_account
    from requests.exceptions import RequestException

    try:
        credentials = None
        if "service_account_json" in secrets:
            key = json.loads(secrets["service_account_json"])
            credentials = service_account.Credentials.from_service_account_info(key)  # type: ignore[no-untyped-call]
        client = bigquery.Client(
            project=secrets.get("project"), credentials=credentials, location=secrets.get("location")
        )
        with client:
            yield client
    except json.JSONDecodeError:
        raise DataSourceError(f"{source}: service_account_json of the secret is no JSON") from None
    except (GoogleAPIError, GoogleAuthError, RequestException, pa.ArrowInvalid, ValueError) as error:
        raise refuse(source, error, secrets) from None

"""What databases share: the secret that opens one, rows in an order that no tie leaves open, and errors in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources import table
from pipelines.sources.description import DatabaseSource
from pipelines.sources.table import DataSourceError

_SECRET_KEYS: Final = ("uri", "password", "service_account_json")


def read_secret(source: DatabaseSource, keys: Sequence[str]) -> dict[str, str]:
    """Return the values of the ZenML secret that ``source`` names.

    Raises:
        DataSourceError: there is none, or it holds other keys than ``keys``; no value is shown.
    """
    from zenml.client import Client

    try:
        secret = Client().get_secret(source.secret, allow_partial_name_match=False, allow_partial_id_match=False)
    except (KeyError, NotImplementedError) as error:
        raise DataSourceError(
            f"{source}: there is no secret {source.secret!r} in ZenML, or you may not read it; "
            f"`zenml secret create {source.secret} --interactive` asks for its keys, out of {', '.join(keys)}"
        ) from error
    unknown = sorted(set(secret.secret_values) - set(keys))
    if unknown:
        raise DataSourceError(
            f"{source}: the secret holds {', '.join(unknown)}, which is not read; allowed are {', '.join(keys)}"
        )
    return secret.secret_values


def refuse(source: DatabaseSource, problem: object, secrets: Mapping[str, str]) -> DataSourceError:
    """Return an error of one line in which no value of the secret stands."""
    text = str(problem)
    found = re.search(r"(?:ERROR|FATAL):\s+(.+)", text)
    text = " ".join((found[1] if found else text).split())
    hidden = [secrets[key] for key in _SECRET_KEYS if secrets.get(key)]
    hidden += [word for word in (urlsplit(value).password for value in hidden if "://" in value) if word]
    forms = {form for word in hidden for form in (word, quote(word, ""), unquote(word))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return DataSourceError(f"{source}: {text}")


def check_order(source: DatabaseSource, names: Sequence[str]) -> None:
    """Refuse an order by columns that are not there.

    Raises:
        DataSourceError: they are not.
    """
    absent = [name for name in source.order_by if name not in names]
    if absent:
        raise DataSourceError(f"{source}: order_by: has no column {', '.join(map(repr, absent))}")


def in_order(source: DatabaseSource, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut ``batches`` into pieces of bounded size, and refuse two rows that ``order_by`` leaves in any order.

    Raises:
        DataSourceError: there are two such rows.
    """
    last: dict[str, pa.Array] = {}
    for batch in batches:
        rows_at_once = max(1, table.BATCH_CELLS // max(1, batch.num_columns))
        for start in range(0, batch.num_rows, rows_at_once):
            piece = batch.slice(start, rows_at_once)
            keys = {name: pa.concat_arrays([*([last[name]] if last else []), piece[name]]) for name in source.order_by}
            same = reduce(pc.and_, (_same_as_next(values) for values in keys.values()))
            place = pc.index(same, True).as_py()
            if place >= 0:
                shown = ", ".join(f"{name} {values[place].as_py()!r}" for name, values in keys.items())
                raise DataSourceError(
                    f"{source}: order_by: two rows have {shown}, so their order is the database's; add a column"
                )
            last = {name: values.slice(len(values) - 1) for name, values in keys.items()}
            yield piece


def _same_as_next(values: pa.Array) -> pa.Array:
    before, after = values.slice(0, len(values) - 1), values.slice(1)
    return pc.or_(pc.fill_null(pc.equal(before, after), False), pc.and_(pc.is_null(before), pc.is_null(after)))

"""Making the local ZenML store: by one process at a time, and again where its first making was interrupted."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def local_store_made_alone() -> Iterator[Path | None]:
    """Lock ZenML's local store: within the block no other process of ours makes, repairs or opens it.

    ZenML makes the tables, then notes the schema's revision, then makes the default user, and cannot go on from
    anything in between. Such a database never held anything: without a user nobody could connect to it. It is
    removed, so that ZenML makes it anew. One with a user is left alone, and so is every store but the one below
    ``ZENML_CONFIG_PATH``.

    Yields:
        The database that was removed, if any.
    """
    home = os.environ.get("ZENML_CONFIG_PATH")
    if home is None or "ZENML_STORE_URL" in os.environ:
        yield None
        return
    Path(home).mkdir(parents=True, exist_ok=True)
    with (Path(home) / ".groundwork.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the operating system ends it with the process, however that ends
        stores = Path(os.environ.get("ZENML_LOCAL_STORES_PATH") or Path(home) / "local_stores")
        yield _discard_half_made(stores / "default_zen_store" / "zenml.db")


def _discard_half_made(database: Path) -> Path | None:
    if not database.is_file() or _was_finished(database):
        return None
    database.unlink()
    return database


def _was_finished(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as connection:
        return all(
            connection.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone()
            and connection.execute(f'select 1 from "{table}"').fetchone()  # noqa: S608 - the two names below
            for table in ("alembic_version", "user")
        )

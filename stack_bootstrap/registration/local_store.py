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
    """While the block opens ZenML's local store, no other process of ours makes, repairs or opens it.

    ZenML makes all tables first and writes the schema's revision last, and refuses a database that has the one and
    not the other. Such a database never held anything: nobody could connect to it. It is removed, so that ZenML makes
    it anew. One with a revision is left alone, and so is every store but the one below ``ZENML_CONFIG_PATH``.

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
    if not database.is_file() or _has_revision(database):
        return None
    database.unlink()
    return database


def _has_revision(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("select 1 from sqlite_master where name = 'alembic_version'").fetchone():
            return False
        return connection.execute("select 1 from alembic_version").fetchone() is not None

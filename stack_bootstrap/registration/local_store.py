"""Recovery of a local ZenML store whose very first creation was interrupted."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path


def discard_half_made_store() -> Path | None:
    """Remove the local store's database if its creation was interrupted, so that ZenML makes it anew.

    ZenML makes all tables first and writes the schema's revision last, and refuses a database that has the one and
    not the other. Such a database never held anything: nobody could connect to it. One with a revision is left alone,
    and so is every store but the local one below ``ZENML_CONFIG_PATH``.

    Returns:
        The database that was removed, if any.
    """
    home = os.environ.get("ZENML_CONFIG_PATH")
    if home is None or "ZENML_STORE_URL" in os.environ:
        return None
    stores = Path(os.environ.get("ZENML_LOCAL_STORES_PATH") or Path(home) / "local_stores")
    database = stores / "default_zen_store" / "zenml.db"
    if not database.is_file() or _has_revision(database):
        return None
    database.unlink()
    return database


def _has_revision(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("select 1 from sqlite_master where name = 'alembic_version'").fetchone():
            return False
        return connection.execute("select 1 from alembic_version").fetchone() is not None

"""Making an MLflow tracking database on SQLite whole or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

SQLITE = "sqlite:///"
_ABANDONED_SECONDS = 600


def ensure_database(uri: str) -> None:
    """Make the SQLite database of ``uri``, with MLflow's schema, unless it is there or ``uri`` is of another kind.

    MLflow makes its tables one by one over a second or more, and cannot go on from a half-made schema. So the
    database is made beside its place and moved there when it is complete; of two makers the first one's stays.
    """
    if not uri.startswith(SQLITE):
        return
    database = Path(uri.removeprefix(SQLITE))
    if database.exists():
        return
    from mlflow import MlflowClient

    for left in database.parent.glob(f".{database.name}.*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            left.unlink(missing_ok=True)
    unfinished = database.with_name(f".{database.name}.{uuid4().hex}")
    MlflowClient(tracking_uri=f"{SQLITE}{unfinished}").search_experiments(max_results=1)
    try:
        os.link(unfinished, database)
    except FileExistsError:
        return
    finally:
        unfinished.unlink(missing_ok=True)

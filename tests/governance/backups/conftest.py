"""An environment with a log, and a small database in the place of ZenML's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from environments import load_platform
from governance.backups.places import BACKUPS, Place
from governance.backups.records import Records
from governance.server.database import DATABASE

ROWS = 50


def make_database(file: Path, rows: int = ROWS, revision: str = "0.98.0") -> None:
    """Make a database with the tables of ZenML's that a backup looks into."""
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR)")
        database.execute("INSERT INTO alembic_version VALUES (?)", [revision])
        database.execute("CREATE TABLE pipeline_run (id CHAR(32), name VARCHAR)")
        database.executemany("INSERT INTO pipeline_run VALUES (?, ?)", [(f"{n:032x}", f"run-{n}") for n in range(rows)])
        database.execute("CREATE TABLE model_version (id CHAR(32), model_id CHAR(32), number INT, stage VARCHAR)")
        database.execute("INSERT INTO model_version VALUES ('a', 'm', 1, 'staging'), ('b', 'm', 2, NULL)")


def number_of_runs(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        return int(database.execute("SELECT count(*) FROM pipeline_run").fetchone()[0])


def events(place: Place, kind: str) -> list[object]:
    """Return the events of ``kind`` in the place's log."""
    return [entry.event for entry in Records(place).log.entries() if entry.event.kind == kind]


@pytest.fixture
def store_file(settings_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database of the store that commands use, with some rows."""
    home = settings_directory.parent / "ground" / "zenml"
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(home))
    for name in (BACKUPS, DATABASE, "ZENML_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    file = home / "local_stores" / "default_zen_store" / "zenml.db"
    make_database(file)
    return file


@pytest.fixture
def place(settings_directory: Path, store_file: Path) -> Place:
    """What is backed up for dev."""
    return place_of(settings_directory, "dev")


def place_of(settings: Path, environment: str) -> Place:
    """Return the place of an environment whose log's folder is there, as Terraform makes it."""
    place = Place.of(load_platform(settings), environment)
    (place.where.ground / "environments" / environment / "platform" / "audit").mkdir(parents=True, exist_ok=True)
    return place

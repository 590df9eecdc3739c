"""Databases of the trackers' pages, which stand beside the server's, are in its environment's backup."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from governance.backups.databases import MysqlDatabase
from governance.backups.make import make_backup
from governance.backups.restore import restore
from governance.server.container import migration_lock
from governance.server.database import DATABASE
from governance.server.mariadb import TemporaryMariaDb
from governance.server.trackers import database_of, database_variables, upgrade_database
from tests.conftest import REPOSITORY, edit_yaml
from tests.governance.backups.conftest import place_of


def test_the_databases_of_trackers_pages_are_backed_up_beside_the_servers(
    settings_directory: Path, mariadb: TemporaryMariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    shutil.copy(REPOSITORY / "infra" / "servers" / "server.example.yaml", settings_directory / "server.yaml")
    trackers = ["oncology/dev", "diabetes-care/dev", "oncology/production"]
    edit_yaml(settings_directory / "server.yaml", lambda raw: raw.update(trackers=trackers))
    place = place_of(settings_directory, "dev")
    monkeypatch.setenv(DATABASE, mariadb.address.url)
    for tracker in ("oncology/dev", "oncology/production"):  # nothing was ever tracked for the third
        with migration_lock(replace(mariadb.address, name=database_of(tracker))):
            pass  # makes the database
    tracked = MysqlDatabase(replace(mariadb.address, name=database_of("oncology/dev")))
    uri = tracked.url.replace("mysql://", "mysql+pymysql://", 1)
    upgrade_database(database_variables(uri, str(settings_directory.parent / "files")))
    MlflowClient(uri).create_experiment("kept")

    manifest = make_backup(place).manifest
    assert {name for name in manifest.parts if name.startswith("tracking-")} == {"tracking-server.oncology"}
    held = manifest.parts["tracking-server.oncology"].inventory
    assert held is not None
    assert held.tables["experiments"].rows == 2, "the one that MLflow makes, and this one"

    assert tracked.exists()
    tracked._rows(f"DROP DATABASE {tracked.address.name}")
    assert not tracked.exists()
    restore(place)
    assert {one.name for one in MlflowClient(uri).search_experiments()} == {"Default", "kept"}

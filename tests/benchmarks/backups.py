"""How long the backup and the restore drill of a server with many runs take, beside the plain dump or copy."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from governance.backups.databases import Database, MysqlDatabase
from governance.backups.drill import drill
from governance.backups.make import make_backup
from governance.backups.places import Place
from governance.core import provenance
from governance.promotion.promote import promote
from governance.runs import jobs
from governance.server.database import DATABASE
from governance.server.mariadb import TemporaryMariaDb, missing_programs, temporary_mariadb
from tests.benchmarks import Figure, timed
from tests.conftest import use_zenml_home
from tests.governance.conftest import lay

RUNS = 10_000
BACKUP_SECONDS, RESTORE_SECONDS = 30, 300
"""What a backup, and a restore with its comparison, may take with so many runs."""
OF_A_RUN = (
    "pipeline_run",
    "step_run",
    "step_run_parents",
    "step_run_input_artifact",
    "step_run_output_artifact",
    "artifact_version",
    "model_version",
    "model_versions_runs",
    "model_versions_artifacts",
)
"""Tables whose rows a run leaves; what it shares with others, such as its pipeline's snapshot, is there once."""
_BATCH = 200
"""Runs that are written at once."""


def measure(folder: Path, runs: int = RUNS) -> Iterator[Figure]:
    """Train and promote once, write as many runs like it as are wanted, and back up and restore them all."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as ends:
        use_zenml_home(patch, folder / "zenml")
        patch.setattr(provenance, "_uncommitted", lambda *_: [])  # its settings lie in a temporary folder
        ground = lay(folder)
        jobs.train(ground.target("dev"))
        promote(ground.target("staging"), version="1")
        place = Place.of(ground.platform, "staging")
        file = folder / "zenml" / "local_stores" / "default_zen_store" / "zenml.db"
        add_runs(file, runs - 1)
        if not missing_programs():
            server = ends.enter_context(temporary_mariadb())
            move(file, server)
            patch.setenv(DATABASE, server.address.url)
        database = place.database()
        plain = folder / "plain"
        _, baseline = timed(lambda: _plain_dump(database, file, plain))
        made, seconds = timed(lambda: make_backup(place))
        name = f"{database.format}, {runs:,} runs, {plain.stat().st_size / 1e6:,.0f} MB"
        yield Figure(f"backup: made ({name})", seconds, "s", BACKUP_SECONDS, baseline=baseline)
        held = made.manifest.parts["database"].inventory
        assert held is not None
        assert held.tables["pipeline_run"].rows == runs
        done, seconds = timed(lambda: drill(place))
        assert done.findings == (), done.findings
        yield Figure(f"backup: restored, served, compared ({name})", seconds, "s", RESTORE_SECONDS)
        yield Figure(
            "backup: of that restoring", done.seconds["restore"], "s", baseline=_plain_restore(plain, database)
        )


def add_runs(file: Path, number: int) -> None:
    """Write ``number`` runs like the one in ``file``, a database of ZenML's, with names and ids of their own."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA synchronous = OFF")
        rows = {table: database.execute(f"SELECT * FROM `{table}`").fetchall() for table in OF_A_RUN}
        columns = {table: [row[1] for row in database.execute(f"PRAGMA table_info(`{table}`)")] for table in OF_A_RUN}
        ids = [row[columns[table].index("id")] for table in OF_A_RUN if "id" in columns[table] for row in rows[table]]
        for first in range(1, number + 1, _BATCH):
            for table in OF_A_RUN:
                marks = ", ".join("?" * len(columns[table]))
                database.executemany(
                    f"INSERT INTO `{table}` VALUES ({marks})",
                    [
                        copy
                        for one in range(first, min(first + _BATCH, number + 1))
                        for copy in _copies(rows[table], columns[table], _fresh(ids, one), table, one)
                    ],
                )


def _fresh(ids: Sequence[str], number: int) -> dict[str, str]:
    return {one: hashlib.md5(f"{one}-{number}".encode(), usedforsecurity=False).hexdigest() for one in ids}


def _copies(
    rows: Sequence[tuple[Any, ...]], columns: Sequence[str], fresh: dict[str, str], table: str, number: int
) -> Iterator[list[Any]]:
    for row in rows:
        copy = [fresh.get(value, value) if isinstance(value, str) else value for value in row]
        changed: dict[str, Any] = {}
        held = dict(zip(columns, row, strict=True))
        if table == "pipeline_run":
            changed = {name: f"{held[name]}-{number}" for name in ("name", "orchestrator_run_id")}
            changed["index"] = held["index"] + 1_000 * number
        elif table == "artifact_version":
            changed = {"version": f"{held['version']}-{number}", "version_number": None}
        elif table == "model_version":
            later = held["number"] + 1_000 * number
            changed = {"name": str(later), "number": later, "stage": None}
        for name, value in changed.items():
            copy[columns.index(name)] = value
        yield copy


def move(file: Path, server: TemporaryMariaDb) -> None:
    """Bring what the SQLite file holds into the empty database of ``server``, under the schema that ZenML makes."""
    import pymysql
    from zenml.zen_stores.sql_zen_store import SqlZenStore, SqlZenStoreConfiguration

    address = server.address
    SqlZenStore(config=SqlZenStoreConfiguration(url=address.url), skip_default_registrations=True)
    with (
        closing(
            pymysql.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password,
                database=address.name,
            )
        ) as there,
        closing(sqlite3.connect(file)) as here,
        there.cursor() as cursor,
    ):
        cursor.execute("SET foreign_key_checks = 0")
        for (table,) in here.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor.execute(f"DELETE FROM `{table}`")
            rows = here.execute(f"SELECT * FROM `{table}`")
            names = ", ".join(f"`{column[0]}`" for column in rows.description)
            marks = ", ".join(["%s"] * len(rows.description))
            while batch := rows.fetchmany(5_000):
                cursor.executemany(f"INSERT INTO `{table}` ({names}) VALUES ({marks})", batch)
        there.commit()


def _plain_dump(database: Database, file: Path, plain: Path) -> None:
    if not isinstance(database, MysqlDatabase):
        shutil.copyfile(file, plain)
        return
    with plain.open("wb") as output:
        _client(database, "mariadb-dump", "--single-transaction", stdout=output)


def _plain_restore(plain: Path, database: Database) -> float | None:
    if not isinstance(database, MysqlDatabase):
        return timed(lambda: shutil.copyfile(plain, plain.with_name("plain again")))[1]
    with temporary_mariadb() as server, plain.open("rb") as held:
        return timed(lambda: _client(MysqlDatabase(server.address), "mariadb", stdin=held))[1]


def _client(database: MysqlDatabase, program: str, *options: str, **streams: Any) -> None:
    address = database.address
    subprocess.run(
        [
            program,
            "--no-defaults",
            f"-h{address.host}",
            f"-P{address.port}",
            f"-u{address.user}",
            *options,
            address.name,
        ],
        env={**os.environ, "MYSQL_PWD": address.password},
        check=True,
        **streams,
    )

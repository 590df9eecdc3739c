"""The restore drill: the backup that there is, restored into a server of its own, and compared with the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from environments import CHECKOUT
from governance.audit import LogReader
from governance.audit.checkpoint import open_checkpoint
from governance.audit.errors import SignatureError
from governance.audit.events import Promotion, RestoreDrilled, Rollback
from governance.audit.layout import checkpoint_key
from governance.backups.databases import Database, MysqlDatabase, SqliteDatabase
from governance.backups.errors import BackupError
from governance.backups.fetch import fetch, require_readable
from governance.backups.make import Progress, at_work
from governance.backups.manifest import CHECKPOINT, DATABASE, TRACKING, Manifest
from governance.backups.places import Place
from governance.backups.records import Records
from governance.core.errors import RefusedError
from governance.core.stopwatch import Stopwatch
from governance.records.journal import without_people
from governance.server.mariadb import temporary_mariadb
from governance.server.secret_values import held_key, look_at_values, named
from governance.server.state import Home
from governance.server.temporary import temporary_server

_MOST = 50
"""Findings that one event names."""


@dataclass(frozen=True)
class Drill:
    """What a drill found."""

    manifest: Manifest
    findings: tuple[str, ...]
    """What was not restored as it was backed up, or is not as the log says."""
    later: tuple[str, ...]
    """What differs from the log because it happened after the backup: to be done again after a restore."""
    models: int
    """Models whose stage, versions and releases were compared with the log; none where nothing was promoted."""
    seconds: Mapping[str, float]
    """That each phase took."""

    @property
    def rows(self) -> int:
        """Rows of ZenML's tables that were compared."""
        held = self.manifest.parts[DATABASE].inventory
        return sum(table.rows for table in held.tables.values()) if held else 0


def drill(place: Place, backup: str | None = None, progress: Progress = lambda _what, _done: None) -> Drill:
    """Restore ``backup``, or the newest one, beside everything that is in use; compare, measure and record it.

    Raises:
        BackupError: the log does not vouch for the backup, or it cannot be restored.
        ServerError: the temporary server or database does not start.
        AuditError: the log or the place of backups does not answer.
    """
    with at_work(place):
        records, watch = Records(place), Stopwatch()
        manifest = records.manifest(backup)
        try:
            found, later, models = _drilled(place, records, manifest, watch, progress)
        except RefusedError as error:
            _record(records, manifest, watch, (str(error),))
            raise
        _record(records, manifest, watch, found)
        return Drill(manifest, found, later, models, watch.phases)


def _drilled(
    place: Place, records: Records, manifest: Manifest, watch: Stopwatch, progress: Progress
) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Return what differs, what differs since it happened later, and how many models were compared with the log."""
    require_readable(manifest)
    with watch.phase("fetch"):
        files = fetch(place.store(), manifest, place.drafts, progress)
    found = list(_wrong_checkpoint(records.log, manifest, files))
    with ExitStack() as ends:
        for name, part in manifest.parts.items():
            if part.inventory is None:
                continue
            progress(f"{name}: restoring", part.size)
            fresh = _fresh_database(place.drafts / name, part.format, ends)
            with watch.phase("restore"):
                fresh.restore(files[name])
            with watch.phase("compare"):
                found += [f"{name}: {difference}" for difference in part.inventory.differences(fresh.inventory())]
            if name.startswith(TRACKING):
                continue
            account = fresh.administrator()
            if account is None:
                raise BackupError(f"Backup {manifest.backup} holds no account that may read everything.")
            folder = place.drafts / "server"
            folder.mkdir(mode=0o700)
            progress("starting a server on it", 0)
            key = held_key(Home.of(place.platform)) if manifest.holder == "server" else None
            if unreadable := look_at_values(fresh.url, key).unreadable:
                found.append(
                    f"the values of {named(unreadable)} are encrypted with a key that is not in "
                    f"{Home.of(place.platform).secrets_key}"
                )
            with watch.phase("serve"):
                client = ends.enter_context(temporary_server(fresh.url, account, folder, key))
            progress("comparing with the log", 0)
            with watch.phase("reconcile"):
                said, models = _reconciled(place, client)
    moved = {event.model for event in records.since(manifest.log_size) if isinstance(event, Promotion | Rollback)}
    found += [finding for model, findings in said.items() for finding in findings if model not in moved]
    return tuple(found), tuple(finding for model in moved for finding in said.get(str(model), ())), models


def _fresh_database(folder: Path, form: str | None, ends: ExitStack) -> Database:
    """Return an empty database that takes dumps in the format ``form``; it ends with ``ends``."""
    if form == MysqlDatabase.format:
        return MysqlDatabase(ends.enter_context(temporary_mariadb()).address)
    folder.mkdir(mode=0o700)
    return SqliteDatabase(folder / "restored.db")


def _reconciled(place: Place, client: Mapping[str, str]) -> tuple[dict[str, list[str]], int]:
    """Return what ``make reconcile`` finds, by model, and how many it compared, as a client of the restored server."""
    command = [sys.executable, "-m", "governance", "reconcile", "--json", "--dry-run", "--env", place.environment]
    command += ["--cloud", place.where.cloud, "--settings", str(place.platform.directory)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_STORE_")}
    done = subprocess.run(
        command, env={**inherited, **client}, cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    try:
        said = json.loads(done.stdout)
        findings: dict[str, list[str]] = said["findings"]
        compared = sum(one["outcome"] is not None for one in said["compared"].values())
    except (ValueError, KeyError) as error:
        last = " ".join(done.stderr.strip().splitlines()[-1:]) or "nothing"
        raise BackupError(f"reconcile did not end on the restored server; it said: {last}") from error
    return findings, compared


def _wrong_checkpoint(log: LogReader, manifest: Manifest, files: Mapping[str, Path]) -> Iterator[str]:
    """Yield what is wrong with the backed-up checkpoint, beside the log as it is now."""
    if CHECKPOINT not in files:
        return
    try:
        then = open_checkpoint(files[CHECKPOINT].read_bytes(), log.keys, log.origin)
        now = open_checkpoint(log.store.read(checkpoint_key(then.size)) or b"", log.keys, log.origin)
    except SignatureError as error:
        yield f"the log's checkpoint: {error}"
        return
    if then != now or (then.size, then.root.hex()) != (manifest.log_size, manifest.log_root):
        yield f"the log was another when the backup was made: its checkpoint of size {then.size} differs"


def _record(records: Records, manifest: Manifest, watch: Stopwatch, findings: tuple[str, ...]) -> None:
    records.write(
        RestoreDrilled,
        backup=manifest.backup,
        outcome="failed" if findings else "restored",
        seconds=watch.phases,
        findings=tuple(without_people(finding) for finding in findings[:_MOST]),
    )

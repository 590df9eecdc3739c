"""Restoring for real: a backup takes the place of what the server and its trackers hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from governance.audit.events import BackupRestored
from governance.backups.databases import Database
from governance.backups.errors import BackupError
from governance.backups.fetch import fetch, require_readable
from governance.backups.make import Progress, at_work, write_backup
from governance.backups.manifest import DATABASE, TRACKING, Manifest
from governance.backups.places import Place
from governance.backups.records import Records
from governance.server.state import Home


@dataclass(frozen=True)
class Restored:
    """What was restored, or would be."""

    manifest: Manifest
    places: tuple[str, ...]
    """The databases that hold it now."""
    replaced: tuple[str, ...]
    """Those of them that held something before."""
    saved_as: str | None
    """The backup of that."""


def restore(
    place: Place,
    backup: str | None = None,
    *,
    overwrite: bool = False,
    unsaved: bool = False,
    forget_secrets: bool = False,
    confirm: Callable[[Restored], None] = lambda _would: None,
    dry_run: bool = False,
    progress: Progress = lambda _what, _done: None,
) -> Restored:
    """Put ``backup``, or the newest one, where the server and the trackers keep their data, and record it.

    Args:
        place: whose backups.
        backup: its name.
        overwrite: whether databases that hold something are backed up, and then replaced.
        unsaved: whether they are replaced without that, as where they are damaged.
        forget_secrets: go on without the key that values of its secrets are encrypted with.
        confirm: told what would be done, once all was checked; raises where that is not wanted.
        dry_run: check everything and change nothing.
        progress: told what is at work.

    Raises:
        BackupError: the log does not vouch for the backup, it is damaged or of another kind, the server runs, a
            database holds something and ``overwrite`` is not given, or the key of its secrets is not here. Nothing was
            changed.
        AuditError: the log or the place of backups does not answer.
    """
    with at_work(place):
        records, store = Records(place), place.store()
        manifest = records.manifest(backup)
        require_readable(manifest)
        _require_stopped(place)
        if not forget_secrets:
            _require_key(place, manifest)
        targets = _targets(place, manifest)
        full = tuple(name for name, database in targets.items() if database.exists())
        if full and not overwrite:
            raise BackupError(
                f"{', '.join(targets[name].place for name in full)} holds data. OVERWRITE=1 backs that up, and then "
                "replaces it."
            )
        files = fetch(store, manifest, place.drafts, progress)
        would = Restored(
            manifest, tuple(one.place for one in targets.values()), tuple(targets[name].place for name in full), None
        )
        if dry_run:
            return would
        confirm(would)
        saved = None if unsaved or not full else write_backup(place, records, store, progress)[0].backup
        for name, database in targets.items():
            progress(f"{name}: restoring", manifest.parts[name].size)
            database.restore(files[name])
            _require_same(name, database, manifest)
        records.write(BackupRestored, backup=manifest.backup, manifest_digest=manifest.digest, saved_as=saved)
        return Restored(would.manifest, would.places, would.replaced, saved)


def _targets(place: Place, manifest: Manifest) -> dict[str, Database]:
    database = place.database(manifest.holder)
    wanted = manifest.parts[DATABASE].format
    if database.format != wanted:
        raise BackupError(
            f"Backup {manifest.backup} is a dump in the format {wanted}, and the server's data are in {database.place} "
            f"({database.format}). Name a database of that kind in GROUNDWORK_SERVER_DATABASE, or none."
        )
    trackers = {f"{TRACKING}{team}": one for team, one in place.tracking().items()}
    return {DATABASE: database, **{name: one for name, one in trackers.items() if name in manifest.parts}}


def _require_stopped(place: Place) -> None:
    running = [service for service in Home.of(place.platform).services() if service.runs]
    if running:
        raise BackupError(f"{running[0].name} runs at {running[0].url}. Stop it first: make server-stop")


def _require_key(place: Place, manifest: Manifest) -> None:
    file = Home.of(place.platform).secrets_key
    if manifest.secrets_key not in (None, place.secrets_key(manifest.holder)):
        raise BackupError(
            f"The values of secrets in {manifest.backup} are encrypted with a key that {file} does not hold, and no "
            "backup does. Put it there; if it is lost, FORGET_SECRETS=1 restores all else, and make server "
            "FORGET_SECRETS=1 empties these values."
        )


def _require_same(name: str, database: Database, manifest: Manifest) -> None:
    held = manifest.parts[name].inventory
    differences = list(held.differences(database.inventory())) if held else []
    if differences:
        raise BackupError(
            f"{database.place} does not hold what {manifest.backup} does: {'; '.join(differences[:3])}. Do not start "
            "the server on it; run make restore OVERWRITE=1 again."
        )

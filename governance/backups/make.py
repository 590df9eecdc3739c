"""Making a backup, and deleting those whose time is up.

The parts come first, then the manifest, then the record: what is cut off anywhere is known to no log, and the next
backup does not depend on it.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from governance.audit.errors import StoreError
from governance.audit.events import BackupDeleted, BackupMade
from governance.audit.store import Object
from governance.backups.clouds import BackupStore
from governance.backups.databases import Database
from governance.backups.errors import BackupError
from governance.backups.inventory import Inventory
from governance.backups.manifest import (
    CHECKPOINT,
    DATABASE,
    KEYS,
    MANIFEST,
    STAGES,
    TRACKING,
    Chunk,
    Manifest,
    Part,
)
from governance.backups.places import Place
from governance.backups.records import Records, digest_of, made_at
from governance.core import clock
from governance.core.digests import content_digest
from governance.core.machine_lock import environment_lock
from governance.server.trackers import tracker_version

CHUNK = 32 << 20
"""Bytes of one object at most: what is held in memory, and what a request carries."""
Progress = Callable[[str, int], None]
"""Told what is at work, and how many bytes of it are done."""


@dataclass(frozen=True)
class Made:
    """A backup that was made, and what was deleted afterwards."""

    manifest: Manifest
    seconds: float
    deleted: tuple[str, ...]
    kept: tuple[str, ...]
    """Those whose time is up and which the store does not give up, each with the reason."""


def make_backup(place: Place, progress: Progress = lambda _what, _done: None) -> Made:
    """Back up what belongs to ``place``'s environment, record it, and delete backups whose time is up.

    Raises:
        BackupError: another backup is at work here, or a database cannot be dumped; nothing was recorded.
        AuditError: the log, or the place of backups, cannot be read or written.
        ServerError: the database's address is needed and not given.
    """
    with at_work(place):
        records, store = Records(place), place.store()
        manifest, seconds = write_backup(place, records, store, progress)
        deleted, kept = delete_expired(place, records, store)
        return Made(manifest, seconds, deleted, kept)


def write_backup(place: Place, records: Records, store: BackupStore, progress: Progress) -> tuple[Manifest, float]:
    """Back up and record, within :func:`at_work`. Return the manifest and the seconds it took; errors as above."""
    began = time.monotonic()
    manifest = _write(place, records, store, progress)
    if not store.create_if_absent(Object(f"{manifest.backup}/{MANIFEST}", manifest.encode(), "documentation")):
        raise BackupError(f"The manifest of {manifest.backup} is in {store.place} already, and is another.")
    seconds = time.monotonic() - began
    records.write(
        BackupMade,
        backup=manifest.backup,
        manifest_digest=manifest.digest,
        size=manifest.size,
        parts={name: part.digest for name, part in manifest.parts.items()},
        zenml=manifest.zenml,
        seconds=seconds,
    )
    return manifest, seconds


def expired(place: Place, records: Records, store: BackupStore) -> list[str]:
    """Return the backups in ``store`` whose time is up, oldest first, and what is left of those cut off as long ago.

    The newest backup that the log knows is never among them.
    """
    limit = clock.now() - timedelta(days=place.days)
    kept = {name for name, event in records.made.items() if event.time > limit}
    kept.update(list(records.made)[-1:])
    names = dict.fromkeys(key.partition("/")[0] for key in store.list(""))
    return [name for name in names if name not in kept and (at := made_at(name)) is not None and at <= limit]


def delete_expired(place: Place, records: Records, store: BackupStore) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Delete what :func:`expired` returns, each recorded before. Return what went, and what the store keeps and why.

    Raises:
        AuditError: the log cannot be written; nothing more is deleted.
    """
    deleted, kept = [], []
    for name in expired(place, records, store):
        if name in records.made:
            records.write(BackupDeleted, backup=name)
        try:
            # The manifest last: as long as it is there, what is left is seen to be a backup.
            keys = sorted(store.list(f"{name}/"), key=lambda key: key.endswith(MANIFEST))
            for key in keys:
                store.delete(key)
            deleted.append(name)
        except StoreError as error:
            kept.append(f"{name}: {error}")
    return tuple(deleted), tuple(kept)


@contextmanager
def at_work(place: Place) -> Iterator[None]:
    """Be the only one on this machine who backs up or restores ``place``, with an empty folder for drafts.

    Raises:
        BackupError: another process is.
    """
    try:
        with environment_lock(place.where.environment, place.where.cloud, "backup", wait=False):
            shutil.rmtree(place.drafts, ignore_errors=True)  # of somebody who was killed
            place.drafts.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.drafts.mkdir(mode=0o700)
            try:
                yield
            finally:
                shutil.rmtree(place.drafts)
    except BlockingIOError as error:
        raise BackupError(
            f"Another backup or restore of {place.environment} is at work on this machine. Wait for it."
        ) from error


def _write(place: Place, records: Records, store: BackupStore, progress: Progress) -> Manifest:
    """Write all parts into ``store`` and return the manifest, which is not written yet."""
    began = clock.now()
    backup = f"{place.environment}-{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    parts: dict[str, Part] = {}
    records.log.refresh()
    signed = records.log.checkpoint()

    def keep_file(name: str, file: Path, database: Database, inventory: Inventory) -> None:
        parts[name] = _keep(store, f"{backup}/{name}", _chunks_of(file), name, progress).model_copy(
            update={"format": database.format, "inventory": inventory}
        )
        file.unlink()

    def keep_bytes(name: str, data: bytes) -> None:
        parts[name] = _keep(store, f"{backup}/{name}", iter([data]), name, progress)

    databases = {DATABASE: place.database()}
    databases |= {f"{TRACKING}{team}": database for team, database in place.tracking().items() if database.exists()}
    for name, database in databases.items():
        file = place.drafts / f"{name}.gz"
        inventory = database.dump(file, lambda done, name=name: progress(f"{name}: dumping", done))  # type: ignore[misc]
        keep_file(name, file, database, inventory)
    held = parts[DATABASE].inventory
    assert held is not None
    keep_bytes(STAGES, json.dumps([version.model_dump() for version in held.stages], indent=2).encode())
    public = place.where.key.with_suffix(".pub")
    if signed is not None:
        keep_bytes(CHECKPOINT, signed[1])
        keep_bytes(KEYS, public.read_bytes())
    return Manifest(
        backup=backup,
        origin=place.where.origin,
        environment=place.environment,
        cloud=place.where.cloud,
        holder=place.holder,
        made=began,
        zenml=version("zenml"),
        tracker=tracker_version(),
        secrets_key=place.secrets_key(),
        log_size=signed[0].size if signed else 0,
        log_root=signed[0].root.hex() if signed else "",
        parts=parts,
    )


def _keep(store: BackupStore, prefix: str, chunks: Iterator[bytes], name: str, progress: Progress) -> Part:
    kept: list[Chunk] = []
    done = 0

    def each() -> Iterator[bytes]:
        nonlocal done
        for number, data in enumerate(chunks):
            key = f"{prefix}/{number:05d}"
            if not store.create_if_absent(Object(key, data, "documentation")):
                raise BackupError(f"{key} is in {store.place} already, and is another. Run make backup again.")
            kept.append(Chunk(key=key, digest=content_digest(data), size=len(data)))
            done += len(data)
            progress(f"{name}: storing", done)
            yield data

    found = digest_of(each())
    return Part(chunks=tuple(kept), digest=found, size=done)


def _chunks_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as held:
        while data := held.read(CHUNK):
            yield data

"""What an environment's log says of backups, and writing to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from governance.audit import AuditLog, current_actor, open_log
from governance.audit.events import BackupDeleted, BackupMade, Event
from governance.backups.errors import BackupError
from governance.backups.manifest import MANIFEST, Manifest, read_manifest
from governance.backups.places import Place
from governance.core.digests import content_digest

_Event = TypeVar("_Event", bound=Event)


class Records:
    """The log of a place's environment.

    Raises:
        AuditError: it cannot be read.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.log: AuditLog = open_log(place.platform, place.environment, cloud=place.where.cloud)

    @cached_property
    def made(self) -> dict[str, BackupMade]:
        """The backups that the log knows and that were not deleted, oldest first."""
        found: dict[str, BackupMade] = {}
        for entry in self.log.entries():
            if isinstance(entry.event, BackupMade):
                found[entry.event.backup] = entry.event
            elif isinstance(entry.event, BackupDeleted):
                found.pop(entry.event.backup, None)
        return found

    def since(self, size: int) -> Iterator[Event]:
        """Yield what was recorded after the log had ``size`` entries."""
        for entry in self.log.entries(size):
            yield entry.event

    def write(self, kind: type[_Event], **fields: object) -> None:
        """Record an event of ``kind``.

        Raises:
            AuditError: the log could not be written.
        """
        common = {
            "actor": current_actor(self._place.where),
            "environment": self._place.environment,
            "cloud": self._place.where.cloud,
        }
        self.log.append(kind.model_validate({**common, **fields}))
        self.__dict__.pop("made", None)

    def manifest(self, backup: str | None) -> Manifest:
        """Return the manifest of ``backup``, or of the newest one, as the log knows it.

        Raises:
            BackupError: there is none, it was altered, or it is another environment's.
            AuditError: the store or the log cannot be read.
        """
        if backup is None and not self.made:
            raise BackupError(
                f"The log of {self._place.environment} knows no backup. Make one: make backup "
                f"ENV={self._place.environment}"
            )
        name = backup or next(reversed(self.made))
        data = self._place.store().read(f"{name}/{MANIFEST}")
        if data is not None:
            manifest = read_manifest(data, name)
            if manifest.origin != self._place.where.origin:
                raise BackupError(
                    f"Backup {name} is of {manifest.environment} (log {manifest.origin}), not of "
                    f"{self._place.environment}."
                )
        if name not in self.made:
            raise BackupError(
                f"The log of {self._place.environment} knows no backup {name}, so nothing vouches for it. It knows: "
                f"{', '.join(list(self.made)[-5:]) or 'none'}."
            )
        if data is None:
            raise BackupError(f"The manifest of backup {name} is gone from {self._place.store().place}.")
        if content_digest(data) != self.made[name].manifest_digest:
            raise BackupError(
                f"The manifest of backup {name} is not the one that the log of "
                f"{self._place.environment} knows: it was altered."
            )
        return manifest


def digest_of(chunks: Iterator[bytes]) -> str:
    """Return the digest of ``chunks``, one after the other, as the log spells it."""
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return f"sha256:{found.hexdigest()}"


def made_at(backup: str) -> datetime | None:
    """Return when a backup was begun, as its name says; None if it is no name of a backup."""
    try:
        return datetime.strptime(backup.split("-")[-2], "%Y%m%dT%H%M%S%z")
    except (IndexError, ValueError):
        return None

"""Which snapshots were frozen, which of them were tried and which is in use: as the environment's log says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from governance.audit import LogReader
from governance.audit.canonical import canonical
from governance.audit.events import RunFinished, RunStarted, SnapshotFrozen, SnapshotRollback
from governance.core.digests import content_digest
from governance.core.target import Target
from governance.records.settings import with_settings
from governance.snapshots.errors import SnapshotError

_SHORTEST = 12
"""Hexadecimal digits of a digest that name a snapshot."""
_FROZEN = (
    "environment",
    "cloud",
    "model",
    "pipeline",
    "stack",
    "snapshot",
    "name",
    "definition",
    "parts",
    "model_version",
    "model_digest",
    "git_commit",
    "lock_digest",
    "image_digest",
    "settings_digest",
    "policy_version",
    "tested_as",
)
"""The fields of the event that the snapshot's digest covers."""


def digest_of(fields: dict[str, Any]) -> str:
    """Return the digest of a snapshot that is recorded with ``fields``."""
    return content_digest(canonical({name: fields[name] for name in _FROZEN if fields.get(name) is not None}))


@dataclass(frozen=True)
class SnapshotHistory:
    """The snapshots of one model in one environment, oldest first: one reading of the log."""

    events: tuple[SnapshotFrozen | SnapshotRollback, ...]
    tried: frozenset[str]
    """Digests of snapshots from which a run ended well."""

    @cached_property
    def frozen(self) -> tuple[SnapshotFrozen, ...]:
        """Every snapshot."""
        return tuple(event for event in self.events if isinstance(event, SnapshotFrozen))

    def in_use(self, pipeline: str) -> SnapshotFrozen | None:
        """Return the snapshot that runs of ``pipeline`` start from: the newest, or the one that was returned to."""
        chosen: SnapshotFrozen | None = None
        for event in self.events:
            if event.pipeline != pipeline:
                continue
            if isinstance(event, SnapshotFrozen):
                chosen = event
            else:
                chosen = next((f for f in self.frozen if f.snapshot_digest == event.to_snapshot), chosen)
        return chosen

    def find(self, wanted: str, target: Target) -> SnapshotFrozen:
        """Return the snapshot that ``wanted`` names: by digest, at least 12 digits of it, by ZenML's id, or by name.

        Raises:
            SnapshotError: none does, or several do.
        """
        digits = wanted.removeprefix("sha256:").lower()
        found = [
            snapshot
            for snapshot in self.frozen
            if wanted in (snapshot.snapshot, snapshot.name)
            or (len(digits) >= _SHORTEST and snapshot.snapshot_digest.removeprefix("sha256:").startswith(digits))
        ]
        if len(found) == 1:
            return found[0]
        where = target.environment.environment
        raise SnapshotError(
            f"{'Several snapshots' if found else 'No snapshot'} of {target.where} that the log knows as frozen "
            f"{'are' if found else 'is'} {wanted!r}. `make snapshots ENV={where} MODEL={target.model}` lists them."
        )


@dataclass(frozen=True)
class SnapshotRow:
    """A snapshot as a list shows it."""

    model: str
    pipeline: str
    environment: str
    digest: str
    snapshot: str
    name: str
    version: str | None
    commit: str
    definition: str
    frozen: datetime
    tried: bool
    in_use: bool


def read_snapshots(target: Target, log: LogReader) -> SnapshotHistory:
    """Read what ``log`` says of the snapshots of ``target``'s model; what other settings decided does not count.

    Raises:
        AuditError: the log cannot be read.
    """
    events: list[SnapshotFrozen | SnapshotRollback] = []
    started, finished = dict[str, str](), set[str]()
    for entry, settled in with_settings(log):
        event = entry.event
        if event.model != target.model:
            continue
        if isinstance(event, SnapshotFrozen | SnapshotRollback) and settled:
            events.append(event)
        elif isinstance(event, RunStarted) and event.snapshot is not None and settled:
            started[event.run] = event.snapshot
        elif isinstance(event, RunFinished):
            finished.add(event.run)
    return SnapshotHistory(tuple(events), frozenset(digest for run, digest in started.items() if run in finished))


def rows_of(history: SnapshotHistory) -> Iterable[SnapshotRow]:
    """Return the snapshots of ``history`` as a list shows them, oldest first."""
    for snapshot in history.frozen:
        used = history.in_use(snapshot.pipeline)
        yield SnapshotRow(
            snapshot.model,
            snapshot.pipeline,
            snapshot.environment,
            snapshot.snapshot_digest,
            snapshot.snapshot,
            snapshot.name,
            snapshot.model_version,
            snapshot.git_commit or "",
            snapshot.definition,
            snapshot.time,
            snapshot.snapshot_digest in history.tried,
            used is not None and used.snapshot_digest == snapshot.snapshot_digest,
        )

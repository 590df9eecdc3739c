"""Events that wait for their log, since the first apply makes the very place where the log will be.

An event is put here before anything is changed, as failed, and its outcome is set afterwards. What a killed process
leaves is thus recorded by the next one as what it is: an apply that did not end well. The file names who acted, which
belongs in no log; it has mode 0600, lies beside Terraform's own state, and is gone once the event is recorded.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from governance.audit import AuditLog, Identity
from governance.audit.errors import AuditError
from governance.audit.events import EVENT, AnyEvent, rfc3339
from governance.audit.subjects import Subjects

Outcome = Literal["succeeded", "failed"]


@dataclass(frozen=True)
class WaitingEvent:
    """An event without its actor, whose pseudonym only the log's place can give."""

    identity: Identity
    fields: dict[str, Any]

    def ended(self, outcome: Outcome, **more: Any) -> WaitingEvent:
        """This event with its outcome."""
        return replace(self, fields={**self.fields, "outcome": outcome, **more})

    def event(self, subjects: Subjects) -> AnyEvent:
        """The event as the log takes it."""
        actor = subjects.actor(self.identity)
        return EVENT.validate_python({**self.fields, "actor": actor.model_dump()})


class Outbox:
    """A folder of events, one file for each act that has begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def admit(self, name: str, events: list[WaitingEvent]) -> Iterator[OutboxFile]:
        """Keep ``events``, which lead an act that is about to begin; others leave them alone within the block."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self.folder / f"{name}.json"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "r+", encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            slip = OutboxFile(file, held)
            slip.write(events)
            yield slip

    @contextmanager
    def pending(self) -> Iterator[list[OutboxFile]]:
        """What processes that are gone left, oldest first; nobody else takes it within the block."""
        with ExitStack() as held:
            slips = []
            for file in sorted(self.folder.glob("*.json")):
                opened = held.enter_context(file.open("r+", encoding="utf-8"))
                try:
                    fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # whose act goes on
                    continue
                if file.exists():  # or it was recorded by another process just now
                    slips.append(OutboxFile(file, opened))
            yield slips


class OutboxFile:
    """One file of waiting events, locked."""

    def __init__(self, file: Path, held: IO[str]) -> None:
        self.file = file
        self._held = held

    def write(self, events: list[WaitingEvent]) -> None:
        """Replace what waits here; on disk when this returns."""
        text = json.dumps([asdict(event) for event in events], indent=1)
        self._held.seek(0)
        self._held.write(text)
        self._held.truncate()
        self._held.flush()
        os.fsync(self._held.fileno())

    def read(self) -> list[WaitingEvent]:
        """What waits here.

        Raises:
            AuditError: the file was damaged.
        """
        self._held.seek(0)
        try:
            return [WaitingEvent(Identity(**raw["identity"]), raw["fields"]) for raw in json.load(self._held)]
        except (ValueError, KeyError, TypeError) as error:
            raise AuditError(f"{self.file} holds no waiting events; look at it and remove it: {error!r}") from error

    def record(self, log: AuditLog, subjects: Subjects) -> None:
        """Append what waits here and forget it. May be repeated after a crash at any point.

        Raises:
            AuditError: the log could not be written; everything stays here.
        """
        waiting = self.read()
        already = _recorded(log, waiting)
        log.append_many(event.event(subjects) for event in waiting if event.fields["id"] not in already)
        self.file.unlink()


def _recorded(log: AuditLog, waiting: list[WaitingEvent]) -> set[str]:
    """Ids of the events that the log has already, as after a crash between appending and forgetting."""
    ids = {event.fields["id"] for event in waiting}
    oldest = min((str(event.fields["time"]) for event in waiting), default="")
    found = set()
    for entry in log.newest_first():
        if rfc3339(entry.recorded) < oldest:
            break
        if entry.event.id in ids:
            found.add(entry.event.id)
    return found

"""Events that wait in files for their log, each recorded once.

A step must not fail because the log is slow or away, and may run where the log cannot be reached; and the first apply
makes the very place where the log will be. So what they do is left in a file, by whoever does it, and recorded by
whoever can write the log. Two kinds of file:

- Of a run: one event, in canonical JSON. Of several with the same label the first one stands, and counts as the same
  event however often it is left. The run's ``run_started``, in the log before the run begins, says what must turn up.
- Of an act on infrastructure: a list of events, as failed, which is there before anything is changed and is replaced by
  its outcome. What a killed process leaves is recorded by the next one as what it is: an act that did not end well. It
  names who acted, which belongs in no log, so its mode is 0600, and it is gone once it is recorded.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from environments.files import sha256_hex
from governance.audit.actor import Identity
from governance.audit.errors import OutboxError
from governance.audit.events import EVENT, AnyEvent, RunStarted, rfc3339
from governance.audit.expectations import missing_labels
from governance.audit.log import AuditLog, Receipt
from governance.audit.subjects import Subjects

Outcome = Literal["succeeded", "failed"]


LEFT_BY_STEPS = frozenset({"gate_verdict", "run_cost", "run_failed", "run_finished", "run_metrics"})
"""Kinds of events that a run's steps leave."""

_OF_A_RUN = ("actor", "environment", "cloud", "team", "model")
"""What all events of one run say alike."""


@dataclass(frozen=True)
class WaitingEvent:
    """An event without its actor, whose pseudonym only the log's place can give."""

    identity: Identity
    fields: dict[str, Any]

    def ended(self, outcome: Outcome, **more: Any) -> WaitingEvent:
        """Return this event with its outcome."""
        return replace(self, fields={**self.fields, "outcome": outcome, **more})


class Waiting(Protocol):
    """A file of waiting events."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""

    def read(self) -> bytes:
        """Return what it holds."""

    def remove(self) -> None:
        """Forget it."""


class OutboxFile:
    """A file on this machine that no other process touches meanwhile."""

    def __init__(self, file: Path, held: IO[bytes]) -> None:
        self._file, self._held = file, held

    @property
    def place(self) -> str:
        """See :class:`Waiting`."""
        return str(self._file)

    def write(self, events: Sequence[WaitingEvent]) -> None:
        """Replace what waits here; on disk when this returns."""
        self._held.seek(0)
        self._held.write(json.dumps([asdict(event) for event in events], indent=1).encode())
        self._held.truncate()
        self._held.flush()
        os.fsync(self._held.fileno())

    def read(self) -> bytes:
        """See :class:`Waiting`."""
        self._held.seek(0)
        return self._held.read()

    def remove(self) -> None:
        """See :class:`Waiting`."""
        self._file.unlink()


class Outbox:
    """A folder of this machine whose files wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def enqueue(self, name: str, events: Sequence[WaitingEvent]) -> Iterator[OutboxFile]:
        """Keep ``events``, which lead an act that is about to begin; others leave them alone within the block."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self.folder / f"{name}.json"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            kept = OutboxFile(file, held)
            kept.write(events)
            yield kept

    @contextmanager
    def pending(self) -> Iterator[list[OutboxFile]]:
        """Yield what processes that are gone left, oldest first; nobody else takes it within the block."""
        with ExitStack() as held:
            found = []
            for file in sorted(self.folder.glob("*.json")):
                opened = held.enter_context(file.open("rb"))
                try:
                    fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # whose act goes on
                    continue
                if file.exists():  # or it was recorded by another process just now
                    found.append(OutboxFile(file, opened))
            yield found


@dataclass(frozen=True)
class Recorded:
    """What came of one run's files."""

    receipts: tuple[Receipt, ...]
    """Of the events that were appended now."""
    missing: tuple[str, ...]
    """Labels that the run declared and that neither log nor files have."""
    declared: bool
    """Whether the log has the run's ``run_started``."""


def record(files: Sequence[Waiting], log: AuditLog, subjects: Subjects) -> tuple[Receipt, ...]:
    """Append what waits in ``files`` to ``log`` and forget it. May be repeated after a crash at any point.

    Raises:
        OutboxError: a file holds something else; nothing was recorded.
        AuditError: the log could not be written; everything stays where it is.
    """
    events = [event for file in files for event in _events(file, subjects)]
    oldest = min((rfc3339(event.time) for event in events), default="")
    found = set()
    for entry in log.newest_first():
        if rfc3339(entry.recorded) < oldest:
            break
        found.add(entry.event.id)
    return _append(events, found, files, log)


def record_run(files: Sequence[Waiting], log: AuditLog, run: str) -> Recorded:
    """Append what ``run`` left in ``files`` to ``log`` and forget it. May be repeated after a crash at any point.

    Raises:
        OutboxError: a file holds something else, an event of another run, or one that no step leaves; nothing was
            recorded.
        AuditError: the log could not be written; everything stays where it is.
    """
    events = [event for file in files for event in _events(file, None, run)]
    found, started = dict[str, str](), None
    for entry in log.newest_first():
        if entry.event.run != run:
            continue
        if isinstance(entry.event, RunStarted):
            started = entry.event
            break
        found[entry.event.id] = entry.event.label
    _refuse_what_no_step_leaves(events, started)
    receipts = _append(sorted(events, key=lambda event: event.time), found, files, log)
    labels = {*found.values(), *(event.label for event in events)}
    missing = missing_labels(started.expects, labels) if started is not None else ()
    return Recorded(receipts, missing, started is not None)


def _refuse_what_no_step_leaves(events: Iterable[AnyEvent], started: RunStarted | None) -> None:
    """Whoever may write where events wait could have the log sign a promotion, or a verdict on another model."""
    for event in events:
        if event.kind not in LEFT_BY_STEPS:
            raise OutboxError(f"An event of kind {event.kind} waits for run {event.run}, and no step leaves one.")
        if started is not None and any(getattr(event, name) != getattr(started, name) for name in _OF_A_RUN):
            raise OutboxError(
                f"A {event.kind} waits for run {event.run} that differs from how the run began in "
                f"{', '.join(name for name in _OF_A_RUN if getattr(event, name) != getattr(started, name))}."
            )


def _append(
    events: Iterable[AnyEvent], found: Iterable[str], files: Iterable[Waiting], log: AuditLog
) -> tuple[Receipt, ...]:
    fresh = {event.id: event for event in events if event.id not in set(found)}
    receipts = log.append_many(fresh.values())
    for file in files:
        file.remove()
    return receipts


def _events(file: Waiting, subjects: Subjects | None, run: str | None = None) -> list[AnyEvent]:
    try:
        held = json.loads(file.read())
        if subjects is not None:
            return [
                EVENT.validate_python(
                    {**one["fields"], "actor": subjects.actor(Identity(**one["identity"])).model_dump()}
                )
                for one in held
            ]
        event = EVENT.validate_python(held)
        if event.run != run:
            raise ValueError(f"an event of the run {event.run}")
    except (ValueError, KeyError, TypeError) as error:
        raise OutboxError(f"{file.place} holds no waiting events; look at it and remove it: {error!r}") from error
    same = sha256_hex(f"{run}\n{event.label}")[:32]
    return [event.model_copy(update={"id": same})]

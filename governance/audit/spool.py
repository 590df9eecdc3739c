"""Events that step processes leave for the process that started the run.

A step must not fail because the log is slow or away, and its hooks may fire once a step. So a hook writes its event
to a file that is created once per run and label, and whoever submitted the run appends what it finds when the run is
over. The run's ``run_started`` event, in the log before the run begins, declares what must turn up.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from governance.audit.canonical import canonical
from governance.audit.errors import SpoolError, StoreError
from governance.audit.events import EVENT, AnyEvent, Event, RunStarted
from governance.audit.expectations import missing_labels
from governance.audit.log import AuditLog, Receipt
from governance.audit.store import LocalStore, Object, check_key


@dataclass(frozen=True)
class Drained:
    """What came of one run's spool."""

    run: str
    receipts: tuple[Receipt, ...]
    """Of the events that were appended now."""
    missing: tuple[str, ...]
    """Labels that the run declared and that neither log nor spool has."""
    damaged: tuple[str, ...]
    """Files that hold no event of this run; they are left where they are."""
    declared: bool
    """Whether the log has the run's ``run_started``."""

    @property
    def complete(self) -> bool:
        """Whether nothing was lost."""
        return self.declared and not self.missing and not self.damaged


class Spool:
    """A folder of spooled events: ``<run>/<kind>-<hash of the label>.json``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files = LocalStore(folder)

    def put(self, event: Event) -> bool:
        """Leave ``event`` for the log; False if this run left one with the same label before, which then stands.

        Raises:
            SpoolError: the event belongs to no run, or the file cannot be written. A hook logs this and goes on:
                that the event is missing will be noticed.
        """
        run = self._checked(event.run)
        identifier = sha256(f"{run}\n{event.label}".encode()).hexdigest()
        spooled = event.model_copy(update={"id": identifier[:32]})
        key = f"{run}/{event.kind}-{sha256(event.label.encode()).hexdigest()[:16]}.json"
        try:
            with self._alone():
                return self._files.create_if_absent(Object(key, canonical(spooled.content())))
        except StoreError as error:
            raise SpoolError(str(error)) from error

    def runs(self) -> list[str]:
        """Runs that left something."""
        return sorted({key.partition("/")[0] for key in self._files.list("") if key.endswith(".json")})

    def drain(self, log: AuditLog, run: str) -> Drained:
        """Append what ``run`` left to ``log`` and remove it here. May be repeated after a crash at any point.

        Raises:
            SpoolError: ``run`` is no usable name.
            StoreError: the log could not be written; the spool keeps everything.
        """
        self._checked(run)
        with self._alone():
            spooled = list(self._files.list(f"{run}/"))
            events, damaged = self._events(run, spooled)
            recorded, declared = _recorded(log, run)
            fresh = [event for event in events if event.id not in recorded]
            receipts = log.append_many(sorted(fresh, key=lambda event: event.time))
            labels = {*recorded.values(), *(event.label for event in events)}
            missing = missing_labels(declared.expects, labels) if declared else ()
            for key in (key for key in spooled if key not in damaged):
                (self._folder / key).unlink()
            if spooled and not damaged:
                (self._folder / run).rmdir()
        return Drained(run, receipts, missing, tuple(damaged), declared is not None)

    def drain_all(self, log: AuditLog) -> list[Drained]:
        """Drain every run that left something, as after a crash of the process that submitted it."""
        return [self.drain(log, run) for run in self.runs()]

    def _events(self, run: str, spooled: Sequence[str]) -> tuple[list[AnyEvent], list[str]]:
        events, damaged = [], []
        for key in spooled:
            try:
                event = EVENT.validate_json(self._files.read(key) or b"")
            except ValidationError:
                damaged.append(key)
                continue
            if event.run == run:
                events.append(event)
            else:
                damaged.append(key)
        return events, damaged

    @staticmethod
    def _checked(run: str | None) -> str:
        if run is None or "/" in run:
            raise SpoolError(f"Only events of a run can be spooled, and {run!r} names none.")
        try:
            return check_key(run)
        except StoreError as error:
            raise SpoolError(str(error)) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others waiting: two drains would append the same events, and a drain removes folders."""
        with (self._folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _recorded(log: AuditLog, run: str) -> tuple[dict[str, str], RunStarted | None]:
    """Labels by id of the run's events since it started, and its start; read from the end of the log."""
    found: dict[str, str] = {}
    for entry in log.newest_first():
        if entry.event.run != run:
            continue
        if isinstance(entry.event, RunStarted):
            return found, entry.event
        found[entry.event.id] = entry.event.label
    return found, None

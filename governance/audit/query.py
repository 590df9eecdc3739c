"""Choosing entries of a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from governance.audit.entry import Entry
from governance.audit.reader import LogReader


@dataclass(frozen=True)
class Filter:
    """What an entry must be; whatever is left out does not matter."""

    kind: str | None = None
    model: str | None = None
    model_version: str | None = None
    actor: str | None = None
    """Pseudonym, or the beginning of one."""
    team: str | None = None
    run: str | None = None
    since: datetime | None = None
    """When it happened, this moment included; with a time zone."""
    until: datetime | None = None
    """When it happened, this moment excluded; with a time zone."""

    def matches(self, entry: Entry) -> bool:
        """Return whether ``entry`` is one that is looked for."""
        event = entry.event
        return (
            self.kind in (None, event.kind)
            and self.model in (None, event.model)
            and self.model_version in (None, event.model_version)
            and (self.actor is None or event.actor.id.startswith(self.actor))
            and self.team in (None, event.team)
            and self.run in (None, event.run)
            and (self.since is None or event.time >= self.since)
            and (self.until is None or event.time < self.until)
        )


def select(log: LogReader, wanted: Filter, *, newest_first: bool = False) -> Iterator[Entry]:
    """Select the entries of ``log`` that match, oldest first by default."""
    entries = log.newest_first() if newest_first else log.entries()
    return (entry for entry in entries if wanted.matches(entry))

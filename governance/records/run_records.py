"""What an environment's log says of each of its runs: that it began, what it left, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from governance.audit.entry import Entry
from governance.audit.events import BatchPublication, RunFailed, RunStarted
from governance.audit.expectations import missing_labels


@dataclass
class RecordedRun:
    """One run, as its log has it."""

    name: str
    started: RunStarted | None = None
    labels: set[str] = field(default_factory=set)
    failed: bool = False
    publication: BatchPublication | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Labels that the run declared and the log lacks; nothing is missed of a run that failed."""
        return missing_labels(self.started.expects, self.labels) if self.started is not None else ()

    @property
    def passed(self) -> bool:
        """Whether the log holds that it began, each verdict that it declared, and that it ended well."""
        return self.started is not None and not self.failed and not self.missing

    @property
    def ended(self) -> bool:
        """Whether the log says all that there is to say of it."""
        return self.passed or (self.started is not None and self.failed)


def recorded_runs(entries: Iterable[Entry]) -> dict[str, RecordedRun]:
    """Return the runs that ``entries`` tell of, by name, in the order in which they were first named."""
    runs: dict[str, RecordedRun] = {}
    for entry in entries:
        event = entry.event
        if event.run is None:
            continue
        run = runs.setdefault(event.run, RecordedRun(event.run))
        run.labels.add(event.label)
        if isinstance(event, RunStarted):
            run.started = run.started or event
        elif isinstance(event, RunFailed):
            run.failed = True
        elif isinstance(event, BatchPublication):
            run.publication = run.publication or event
    return runs

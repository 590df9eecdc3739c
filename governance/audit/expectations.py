"""Runs that left less in the log than they declared: the sign of an event that was lost on its way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from governance.audit.entry import Entry
from governance.audit.events import RunStarted


@dataclass(frozen=True)
class Gap:
    """Events that a run declared and the log lacks."""

    run: str
    sequence: int
    """Of the entry that declares them."""
    missing: tuple[str, ...]
    ended: bool
    """Whether the log saw the run end; one that did not may still be going on."""


def missing_labels(expected: Iterable[str], seen: Iterable[str]) -> tuple[str, ...]:
    """Return the expected labels that no seen label is or refines. Nothing is missed of a run that failed."""
    found = set(seen)
    if "run_failed" in found:
        return ()
    return tuple(e for e in expected if e not in found and not any(label.startswith(f"{e}/") for label in found))


@dataclass
class _Run:
    sequence: int
    expects: tuple[str, ...]
    seen: set[str] = field(default_factory=set)


def find_gaps(entries: Iterable[Entry]) -> list[Gap]:
    """Find every run among ``entries`` (in order, from the beginning) that lacks an event which it declared."""
    runs: dict[str, _Run] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, RunStarted):
            runs.setdefault(event.run, _Run(entry.sequence, event.expects))
        elif event.run in runs:
            runs[event.run].seen.add(event.label)
    gaps = []
    for name, run in runs.items():
        missing = missing_labels(run.expects, run.seen)
        if missing:
            gaps.append(Gap(name, run.sequence, missing, "run_finished" in run.seen))
    return gaps

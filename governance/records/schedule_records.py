"""What an environment's log says of its schedules: what each runs and when it is due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from governance.audit.entry import Entry
from governance.audit.events import ScheduleChanged

_TIME_TO_BEGIN = timedelta(minutes=10)
"""What a cluster is given between the time at which a run is due and its beginning: for a pod to be started."""


def schedule_changes(entries: Iterable[Entry], model: str) -> list[ScheduleChanged]:
    """Return what happened to the schedules of ``model``, oldest first."""
    return [e.event for e in entries if isinstance(e.event, ScheduleChanged) and e.event.model == model]


def schedules_now(changes: Iterable[ScheduleChanged]) -> dict[str, ScheduleChanged]:
    """Return the last change of each schedule that was not deleted, by its name."""
    last = {change.schedule: change for change in changes}
    return {name: change for name, change in last.items() if change.action != "deleted"}


def replaced_schedules(changes: Iterable[ScheduleChanged]) -> set[str]:
    """Return the ids in ZenML of schedules that were replaced by others, or deleted."""
    changes = list(changes)
    now = {change.zenml_schedule for change in schedules_now(changes).values()}
    return {change.zenml_schedule for change in changes} - now


def in_force(changes: Sequence[ScheduleChanged], zenml_schedule: str, began: datetime) -> ScheduleChanged | None:
    """Return what held of the schedule with this id in ZenML for a run that began at ``began``; None if nothing did."""
    known = next((change for change in reversed(changes) if change.zenml_schedule == zenml_schedule), None)
    if known is None:
        return None
    held = (_held(changes, zenml_schedule, at) for at in moments_of(known, began))
    return next((change for change in held if change is not None), None)


def moments_of(change: ScheduleChanged, began: datetime) -> Iterator[datetime]:
    """Yield when a run that ``change`` began may be held against the log: when it began, and shortly before, was due.

    A schedule that is replaced while the pod of its run starts has begun that run.
    """
    yield began
    due = due_before(change, began)
    if began - due <= _TIME_TO_BEGIN:
        yield due


def _held(changes: Sequence[ScheduleChanged], zenml_schedule: str, at: datetime) -> ScheduleChanged | None:
    before = [change for change in changes if change.time <= at]
    known = next((change for change in reversed(before) if change.zenml_schedule == zenml_schedule), None)
    if known is None:
        return None
    last = next(change for change in reversed(before) if change.schedule == known.schedule)
    return last if last.runs and last.zenml_schedule == zenml_schedule else None


def due_before(change: ScheduleChanged, at: datetime) -> datetime:
    """Return when the schedule was last due at ``at``, in its own time zone."""
    local = at.astimezone(ZoneInfo(change.time_zone)).replace(microsecond=0)
    due: datetime = croniter(change.cron, local + timedelta(seconds=1)).get_prev(datetime)
    return due


def due_between(change: ScheduleChanged, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield when the schedule was due after ``start`` and not after ``end``, in its own time zone."""
    zone = ZoneInfo(change.time_zone)
    due = croniter(change.cron, start.astimezone(zone))
    while (moment := due.get_next(datetime)) <= end:
        yield moment


def batch_of(due: datetime) -> str:
    """Return the name of the batch that is due at ``due``."""
    return due.isoformat(timespec="minutes")

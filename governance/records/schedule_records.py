"""What an environment's log says of its schedules: what each runs and when it is due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from governance.audit.entry import Entry
from governance.audit.events import ScheduleChanged


def schedule_changes(entries: Iterable[Entry], model: str) -> list[ScheduleChanged]:
    """Return what happened to the schedules of ``model``, oldest first."""
    return [e.event for e in entries if isinstance(e.event, ScheduleChanged) and e.event.model == model]


def schedules_now(changes: Iterable[ScheduleChanged]) -> dict[str, ScheduleChanged]:
    """Return the last change of each schedule that was not deleted, by its name."""
    last = {change.schedule: change for change in changes}
    return {name: change for name, change in last.items() if change.action != "deleted"}


def in_force(changes: Iterable[ScheduleChanged], zenml_schedule: str, at: datetime) -> ScheduleChanged | None:
    """Return what held at ``at`` of the schedule with this id in ZenML; None if it did not begin runs then."""
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

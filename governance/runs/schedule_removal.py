"""Removing schedules: one that is replaced or deleted begins nothing more, and goes once the night it began ended.

ZenML refuses the token of a schedule that is gone or not active, so whoever removes one takes its running night along.
Collecting removes what was left for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.logger import get_logger
from zenml.stack import Stack

from environments.errors import one_line
from governance.records.schedule_records import replaced_schedules
from governance.runs.schedulers import ScheduleError, Scheduler, scheduler_of

if TYPE_CHECKING:
    from zenml.models import ScheduleResponse
    from zenml.orchestrators import BaseOrchestrator

    from governance.audit.events import ScheduleChanged

_logger = get_logger(__name__)


def active_scheduler() -> tuple[BaseOrchestrator, Scheduler]:
    """Return the active stack's orchestrator, and how it keeps schedules."""
    orchestrator = Stack.from_model(Client().active_stack_model).orchestrator
    return orchestrator, scheduler_of(orchestrator.flavor)


@contextmanager
def answering(refusal: str) -> Iterator[None]:
    """Turn what the active stack's orchestrator raises into a :class:`ScheduleError` that opens with ``refusal``."""
    _, scheduler = active_scheduler()
    try:
        yield
    except scheduler.failures() as error:
        raise ScheduleError(f"{refusal}: {one_line(error)}") from error


def schedules_of_the_stack() -> list[ScheduleResponse]:
    """Return the schedules that ZenML has of the active stack's orchestrator."""
    orchestrator = Client().active_stack.orchestrator
    return list(Client().list_schedules(orchestrator_id=orchestrator.id, size=1000, hydrate=True).items)


def remove_schedule(kept: ScheduleResponse) -> None:
    """Remove ``kept``, or let it only begin nothing more while a run that it began goes on, and say so.

    Raises:
        ScheduleError: its orchestrator does not answer.
    """
    if not _removed(kept):
        _logger.warning(
            "A run that schedule %s began goes on, and ends with what it began with; nothing else begins by it, and "
            "the next `make collect` after its end removes it.",
            kept.name,
        )


def remove_replaced(changes: Iterable[ScheduleChanged]) -> None:
    """Remove what ``changes`` say is replaced or deleted and no run of goes on; only warn of what cannot be removed."""
    gone = replaced_schedules(changes)
    for kept in schedules_of_the_stack() if gone else ():
        if str(kept.id) not in gone:
            continue
        try:
            _removed(kept)
        except ScheduleError as error:
            _logger.warning("%s", error)


def still_ends(kept: ScheduleResponse) -> bool:
    """Return whether a run that ``kept`` began goes on, as far as its orchestrator tells."""
    orchestrator, scheduler = active_scheduler()
    try:
        return scheduler.goes_on(orchestrator, kept)
    except scheduler.failures():
        return False


def remove_now(kept: ScheduleResponse, *, soft: bool = True) -> None:
    """Remove ``kept`` with all that is there for it, whatever becomes of its runs.

    What its pods hold goes first: who is stopped in between leaves what the next attempt still finds.

    Args:
        kept: in ZenML, of the active stack.
        soft: whether ZenML goes on knowing what it began.
    """
    orchestrator, scheduler = active_scheduler()
    snapshots = Client().list_snapshots(schedule_id=kept.id, named_only=False).items
    scheduler.forget(orchestrator, [snapshot.id for snapshot in snapshots])
    Client().delete_schedule(kept.id, soft=soft)


def _removed(kept: ScheduleResponse) -> bool:
    orchestrator, scheduler = active_scheduler()
    with answering(f"Schedule {kept.name} is not removed, and what it begins counts for nothing"):
        scheduler.suspend(orchestrator, kept)  # before looking: what begins after that would be overlooked
        if scheduler.goes_on(orchestrator, kept):
            return False
        remove_now(kept)
    return True

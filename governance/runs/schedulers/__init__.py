"""What keeps schedules: each module is one flavor of ZenML's orchestrators that does more than ZenML asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from urllib3.exceptions import HTTPError
from zenml.client import Client
from zenml.orchestrators import PipelineSubmissionError

from governance.core.adapters import Adapters
from governance.core.errors import RefusedError

if TYPE_CHECKING:
    from zenml.models import ScheduleResponse
    from zenml.orchestrators import BaseOrchestrator


class ScheduleError(RefusedError):
    """A schedule cannot be had as it is asked for; the message says why."""


@dataclass(frozen=True)
class KeptSchedule:
    """A schedule as whatever fires it has it."""

    name: str
    cron: str
    time_zone: str
    paused: bool


class Scheduler:
    """A flavor of orchestrators that keeps schedules as ZenML asks it to, in UTC."""

    def settings(self) -> dict[str, Any]:
        """Return the orchestrator's settings of a scheduled pipeline: a run does not begin while the last goes on."""
        return {}

    def failures(self) -> tuple[type[Exception], ...]:
        """Return what is raised when the orchestrator does not answer, or does not do as ZenML asks it to."""
        return (PipelineSubmissionError, HTTPError)

    def set_time_zone(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse, time_zone: str) -> None:
        """Let ``schedule`` be due by the clock of ``time_zone``.

        Raises:
            ScheduleError: the orchestrator knows UTC only.
            Exception: one of :meth:`failures`.
        """
        del schedule
        if time_zone != "UTC":
            raise ScheduleError(
                f"TIMEZONE={time_zone}: schedules of {orchestrator.name} are due by UTC; leave TIMEZONE out."
            )

    def name_of(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse) -> str | None:
        """Return the name under which the orchestrator keeps ``schedule``; None where that is unknown."""
        del orchestrator, schedule
        return None

    def kept(self, orchestrator: BaseOrchestrator) -> tuple[KeptSchedule, ...] | None:
        """Return the schedules that the orchestrator keeps for ZenML; None where it does not tell.

        Raises:
            Exception: one of :meth:`failures`.
        """
        del orchestrator
        return None

    def suspend(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse) -> None:
        """Let ``schedule`` begin no more runs, where that can be had without ZenML refusing those that go on.

        Raises:
            Exception: one of :meth:`failures`.
        """
        del orchestrator, schedule

    def goes_on(self, orchestrator: BaseOrchestrator, schedule: ScheduleResponse) -> bool:
        """Return whether a run that ``schedule`` began goes on, as far as ZenML knows.

        Raises:
            Exception: one of :meth:`failures`.
        """
        del orchestrator
        return Client().list_pipeline_runs(schedule_id=schedule.id, in_progress=True, size=1).total > 0

    def forget(self, orchestrator: BaseOrchestrator, snapshots: Sequence[UUID]) -> None:
        """Remove what the orchestrator keeps for a schedule of ``snapshots`` beyond what ZenML deletes itself.

        Raises:
            Exception: one of :meth:`failures`.
        """
        del orchestrator, snapshots


_PLAIN = Scheduler()
SCHEDULERS: Adapters[Scheduler] = Adapters(__name__, __path__)


def scheduler_of(flavor: str) -> Scheduler:
    """Return how schedules of orchestrators of ``flavor`` are kept."""
    return SCHEDULERS.get(flavor, _PLAIN)

"""Schedules of batch inference: one for a model in an environment, which runs what is in use there and is on record.

A scheduled pipeline is compiled with one release. So a promotion or a rollback points the schedule at the release that
is in use then: a new one is made, on record, before the old one goes. A night that goes on meanwhile ends with what it
began with. One that begins the old release afterwards is not published: the collector holds each run against the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from zenml.client import Client
from zenml.config.schedule import Schedule
from zenml.logger import get_logger

from governance.audit import AuditError
from governance.audit.events import ScheduleChanged
from governance.core import clock
from governance.core.errors import RefusedError
from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.cost.labels import orchestrator_labels
from governance.records.journal import NotRecordedError
from governance.records.schedule_records import replaced_schedules, schedule_changes, schedules_now
from governance.runs.code_archive import use_code_of
from governance.runs.deployment import record_deployment
from governance.runs.govern import govern
from governance.runs.orchestrators import merge_settings
from governance.runs.pipelines import batch_inference_of
from governance.runs.schedule_removal import (
    active_scheduler,
    answering,
    remove_now,
    remove_schedule,
    schedules_of_the_stack,
    still_ends,
)
from governance.runs.schedulers import KeptSchedule, ScheduleError
from governance.runs.session import RunSession

if TYPE_CHECKING:
    from zenml.models import ScheduleResponse

_logger = get_logger(__name__)

Action = Literal["created", "changed", "repointed", "paused", "resumed", "deleted", "unchanged"]


@dataclass(frozen=True)
class Scheduled:
    """A schedule, and what was done to it now."""

    schedule: str
    action: Action
    cron: str
    time_zone: str
    version: str
    paused: bool
    by: str
    """Who changed it last, as the log knows them."""
    changed: datetime
    next_due: datetime | None
    """When it is due next; None while it is paused or after it was deleted."""


def list_schedules(target: Target) -> list[Scheduled]:
    """Return the schedules of ``target``'s model there, as the log has them.

    Raises:
        NotRecordedError: the log cannot be read.
    """
    return [_told(change, "unchanged") for change in _on_record(RunSession(target)).values()]


def set_schedule(target: Target, cron: str, time_zone: str = "UTC", *, dry_run: bool = False) -> Scheduled:
    """Let batch inference of ``target``'s model be run on the schedule ``cron``, by the clock of ``time_zone``.

    There is one schedule for each model and environment: another one replaces it.

    Raises:
        ScheduleError: the stack's orchestrator keeps no schedules, or not such, or ``cron`` or ``time_zone`` is none.
        NoModelInUseError, ReleaseError, SigningError: no release is in use that may be loaded.
        NotRecordedError: the log cannot be written; the schedule is as it was.
    """
    _check(cron, time_zone)
    session = RunSession(target)
    with active_stack(target.stack, target.project):
        _schedulable(target)
        before = _on_record(session).get(_name(target))
        wanted = (cron, time_zone, session.release.version)
        same = before is not None and (before.cron, before.time_zone, before.model_version) == wanted
        if before is not None and same and before.runs and _in_zenml(before) is not None:
            return _told(before, "unchanged")
        action: Literal["created", "changed"] = "changed" if before is not None else "created"
        if dry_run:
            return _planned(session, action, cron, time_zone)
        return _told(_replace(session, before, action, cron, time_zone), action)


def pause_schedule(target: Target, *, resume: bool = False, dry_run: bool = False) -> Scheduled:
    """Let the schedule of ``target``'s model begin no runs until it is resumed.

    Raises:
        ScheduleError: there is none, ZenML has none of it any more, or its orchestrator does not answer.
        NotRecordedError: the log cannot be written; the schedule is as it was.
    """
    session = RunSession(target)
    with active_stack(target.stack, target.project):
        before = _required(session)
        action: Literal["paused", "resumed"] = "resumed" if resume else "paused"
        if before.runs == resume:
            return _told(before, "unchanged")
        kept = _in_zenml(before)
        if kept is None:
            raise ScheduleError(f"ZenML has no schedule {before.schedule} any more: set it anew, or delete it.")
        if dry_run:
            return _told(before, action)
        change = _event(session, before, action)
        with answering(f"Schedule {before.schedule} is not {action}"):
            Client().update_schedule(kept.id, active=resume)
            try:
                session.journal.write(change)
            except NotRecordedError:
                Client().update_schedule(kept.id, active=not resume)
                raise
        return _told(change, action)


def delete_schedule(target: Target, *, dry_run: bool = False) -> Scheduled:
    """Remove the schedule of ``target``'s model.

    Raises:
        ScheduleError: there is none, or its orchestrator does not answer; then its runs count for nothing already.
        NotRecordedError: the log cannot be written; the schedule is as it was.
    """
    session = RunSession(target)
    with active_stack(target.stack, target.project):
        before = _required(session)
        if not dry_run:
            change = _event(session, before, "deleted")
            session.journal.write(change)  # first: what it still began would count for nothing
            _remove(before)
            before = change
        return _told(before, "deleted")


def follow_stage(target: Target) -> Scheduled | None:
    """Point the schedule of ``target``'s model, if it has one, at the release, code and settings that count now.

    Raises:
        RefusedError: it cannot be; then what it begins is not published.
    """
    session = RunSession(target)
    before = _on_record(session).get(_name(target))
    if before is None:
        return None
    made_of = (session.release.version, session.journal.settings.digest, session.journal.provenance.git_commit)
    if (before.model_version, before.settings_digest, before.git_commit) == made_of:
        return None
    with active_stack(target.stack, target.project):
        return _told(_replace(session, before, "repointed", before.cron, before.time_zone), "repointed")


def follow_stage_or_say(target: Target) -> None:
    """Do as :func:`follow_stage` after a stage was set, and only warn of what goes wrong: the stage stands."""
    try:
        follow_stage(target)
    except RefusedError as error:
        _logger.warning(
            "The schedule of %s still runs the version that was in use before, and nothing of it will be published: %s",
            target.where,
            error,
        )


def schedule_findings(target: Target) -> Iterator[str]:
    """Say how schedules of ``target``'s model in the log, in ZenML and where they are kept differ.

    Raises:
        NotRecordedError: the log cannot be read.
    """
    session = RunSession(target)
    recorded = _on_record(session)
    if not recorded and not _may_schedule(target):
        return
    again = f"`make schedule ENV={target.environment.environment} MODEL={target.model}"
    with active_stack(target.stack, target.project):
        orchestrator, scheduler = active_scheduler()
        by_id = {str(kept.id): kept for kept in schedules_of_the_stack()}
        jobs: dict[str, KeptSchedule] | None = None
        try:
            with answering(f"Jobs of {orchestrator.name} are not told"):
                kept_jobs = scheduler.kept(orchestrator)
            jobs = None if kept_jobs is None else {job.name: job for job in kept_jobs}
        except ScheduleError as error:
            yield str(error)
        for change in recorded.values():
            kept = by_id.get(change.zenml_schedule)
            if kept is None:
                yield f"Schedule {change.schedule} is in the log and not in ZenML: {again} DELETE=1`, or set it anew."
                continue
            if (kept.cron_expression, kept.active) != (change.cron, change.runs):
                yield (
                    f"Schedule {change.schedule} was changed past the log: it is {_words(change.cron, change.runs)} "
                    f"there and {_words(kept.cron_expression or '', kept.active)} in ZenML."
                )
            name = scheduler.name_of(orchestrator, kept)
            job = jobs.get(name or "") if jobs is not None else None
            if jobs is not None and job is None:
                yield f"Schedule {change.schedule} is in ZenML, and its job {name} is gone: set it anew."
            elif job is not None and (job.cron, job.time_zone, not job.paused) != (
                change.cron,
                change.time_zone,
                change.runs,
            ):
                yield (
                    f"Job {name} of schedule {change.schedule} was changed: it is due {job.cron!r} {job.time_zone}"
                    f"{', paused' if job.paused else ''}, and the log has {change.cron!r} {change.time_zone}"
                    f"{'' if change.runs else ', paused'}."
                )
        everybody = _everybody(session)
        known = {change.zenml_schedule for change in schedules_now(everybody).values()}
        replaced = replaced_schedules(everybody)
        for identity, kept in by_id.items():
            if identity not in known and not (identity in replaced and still_ends(kept)):
                yield (
                    f"Schedule {kept.name} is in ZenML and not in the log, or no more: nothing that it begins counts. "
                    f"Delete it: `zenml pipeline schedule delete {kept.id}`."
                )
        names = {scheduler.name_of(orchestrator, kept) for kept in by_id.values()}
        for job in (jobs or {}).values():
            if job.name not in names:
                yield f"Job {job.name} has no schedule in ZenML any more, and begins runs that are refused: remove it."


def _replace(
    session: RunSession,
    before: ScheduleChanged | None,
    action: Literal["created", "changed", "repointed"],
    cron: str,
    time_zone: str,
) -> ScheduleChanged:
    """Make the schedule, record it, and only then remove the one ``before``: a night may run twice, and never not."""
    target, pipeline = session.target, batch_inference_of(session.config)
    version = session.release.version
    orchestrator, scheduler = active_scheduler()
    use_code_of()
    name = f"{_name(target)}-{uuid4().hex[:8]}"
    settings = merge_settings(orchestrator_labels(target, pipeline.name), scheduler.settings())
    governed = govern(pipeline, session, version=version).with_options(
        run_name=f"{pipeline.name}-{target.environment.environment}-{{date}}-{{time}}",
        schedule=Schedule(name=name, cron_expression=cron),
        settings=settings,
    )
    stays_paused = before is not None and not before.runs and action == "repointed"
    not_taken = f"Schedule {name} is not taken by {orchestrator.name}"
    try:
        with answering(not_taken):
            governed(**session.scoring_parameters, data=None)
            kept = Client().get_schedule(name, allow_name_prefix_match=False)
            scheduler.set_time_zone(orchestrator, kept, time_zone)
            if stays_paused:
                Client().update_schedule(kept.id, active=False)
        (snapshot,) = Client().list_snapshots(schedule_id=kept.id, named_only=False).items
        record_deployment(snapshot, pipeline.name, session, version)
        change = session.journal.event(
            ScheduleChanged,
            action=action,
            schedule=_name(target),
            zenml_schedule=str(kept.id),
            model_version=version,
            pipeline=pipeline.name,
            stack=target.stack,
            cron=cron,
            time_zone=time_zone,
        )
        session.journal.write(change)
    except BaseException:
        with suppress(*scheduler.failures()):  # what stays begins nothing that counts, and reconciliation names it
            for undone in Client().list_schedules(name=f"equals:{name}").items:
                remove_now(undone, soft=False)
        raise
    if stays_paused:
        change = _event(session, change, "paused")
        session.journal.write(change)
    if before is not None:
        _remove(before)
    return change


def _check(cron: str, time_zone: str) -> None:
    if len(cron.split()) != 5 or not croniter.is_valid(cron):
        raise ScheduleError(f"CRON={cron!r}: five fields are needed, such as '0 2 * * *' for every night at two.")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ScheduleError(f"TIMEZONE={time_zone!r}: no such zone; one is called Europe/Zurich, or UTC.") from error


def _name(target: Target) -> str:
    return f"{target.model}-{target.environment.environment}"


def _everybody(session: RunSession) -> list[ScheduleChanged]:
    """Return every change of a schedule in the environment's log, whatever its model."""
    try:
        return [e.event for e in session.journal.log.entries() if isinstance(e.event, ScheduleChanged)]
    except AuditError as error:
        raise NotRecordedError(f"Schedules of {session.target.where} cannot be told: {error}") from error


def _on_record(session: RunSession) -> dict[str, ScheduleChanged]:
    try:
        return schedules_now(schedule_changes(session.journal.log.entries(), session.target.model))
    except AuditError as error:
        raise NotRecordedError(f"Schedules of {session.target.where} cannot be told: {error}") from error


def _required(session: RunSession) -> ScheduleChanged:
    before = _on_record(session).get(_name(session.target))
    if before is None:
        raise ScheduleError(f"There is no schedule of {session.target.where}.")
    return before


def _event(session: RunSession, before: ScheduleChanged, action: Action) -> ScheduleChanged:
    kept = ("schedule", "zenml_schedule", "model_version", "pipeline", "stack", "cron", "time_zone")
    return session.journal.event(ScheduleChanged, action=action, **{name: getattr(before, name) for name in kept})


def _may_schedule(target: Target) -> bool:
    with active_stack(target.stack, target.project):
        return bool(active_scheduler()[0].config.is_schedulable)


def _schedulable(target: Target) -> None:
    orchestrator, _ = active_scheduler()
    if not orchestrator.config.is_schedulable:
        raise ScheduleError(
            f"Stack {target.stack} keeps no schedules: its orchestrator {orchestrator.name} is of the flavor "
            f"{orchestrator.flavor!r}. Let CI or cron call `make infer`, or use a stack of a cluster."
        )
    if not (orchestrator.supports_schedule_updates and orchestrator.supports_schedule_deletion):
        raise ScheduleError(
            f"Stack {target.stack} keeps schedules that ZenML can neither pause nor remove: its orchestrator "
            f"{orchestrator.name} is of the flavor {orchestrator.flavor!r}. Let CI or cron call `make infer`."
        )


def _in_zenml(change: ScheduleChanged) -> ScheduleResponse | None:
    return next((kept for kept in schedules_of_the_stack() if str(kept.id) == change.zenml_schedule), None)


def _remove(change: ScheduleChanged) -> None:
    kept = _in_zenml(change)
    if kept is not None:
        remove_schedule(kept)


def _planned(session: RunSession, action: Action, cron: str, time_zone: str) -> Scheduled:
    now = clock.now()
    return Scheduled(
        _name(session.target), action, cron, time_zone, session.release.version, False, "", now, _next(cron, time_zone)
    )


def _told(change: ScheduleChanged, action: Action) -> Scheduled:
    return Scheduled(
        change.schedule,
        action,
        change.cron,
        change.time_zone,
        change.model_version,
        not change.runs,
        change.actor.id,
        change.time,
        _next(change.cron, change.time_zone) if change.runs and action != "deleted" else None,
    )


def _next(cron: str, time_zone: str) -> datetime:
    due: datetime = croniter(cron, clock.now().astimezone(ZoneInfo(time_zone))).get_next(datetime)
    return due


def _words(cron: str, active: bool) -> str:
    return f"{cron!r}{'' if active else ', paused'}"

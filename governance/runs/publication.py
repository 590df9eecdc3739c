"""Predictions become public once the log holds that their run passed; until then they wait beside what is public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.client import Client

from governance.audit import AuditError
from governance.audit.events import BatchPublication, RunStarted, ScheduleChanged
from governance.core.errors import RefusedError
from governance.core.machine_lock import machine_lock
from governance.core.target import Target
from governance.records.history import History, read_history
from governance.records.journal import Journal, NotRecordedError
from governance.records.run_records import RecordedRun, recorded_runs
from governance.records.schedule_records import batch_of, due_before, in_force, moments_of, schedule_changes
from governance.registry.versions import STAGES
from pipelines.artifacts import HELD
from pipelines.publication import pending_folder, publish_pending, published_folder

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from governance.audit.entry import Entry
    from governance.audit.reader import LogReader


class NotPublishedError(RefusedError):
    """Predictions stay where they wait, as the log does not say that their run passed."""


def holds_predictions(run: PipelineRunResponse) -> bool:
    """Return whether ``run`` leaves its predictions for the platform to publish, as every governed one does."""
    return bool(run.config.extra.get(HELD, False))


def publish_predictions(target: Target, journal: Journal, run: PipelineRunResponse) -> bool:
    """Publish what ``run`` predicted with ``target``'s model on the active stack, if it predicted anything.

    The log says so before it is done, so that after a crash at any point the next call ends it.

    Returns:
        Whether anything was published now.

    Raises:
        NotPublishedError: the log does not say that the run passed, or says that its predictions are withheld.
        NotRecordedError: the log cannot be read or written; nothing was published.
        PartMissingError: a part of the predictions is gone; nothing was published.
    """
    store = Client().active_stack.artifact_store
    pending = pending_folder(store.path, target.model, str(run.id))
    with machine_lock(target, "publishing"):
        if not store.exists(pending):
            return False
        _require_passed(target, journal, run, pending)
        publish_pending(store, pending, published_folder(store.path, target.model, str(run.id)))
    return True


def _require_passed(target: Target, journal: Journal, run: PipelineRunResponse, pending: str) -> None:
    """Go on only if the log says, or now says, that what ``run`` predicted is public; errors as above."""
    try:
        entries = _since_the_start(journal.log, run.name)
    except AuditError as error:
        raise NotRecordedError(f"What run {run.name} predicted is not published: {error}") from error
    recorded = recorded_runs(entries).get(run.name, RecordedRun(run.name))
    if not recorded.passed:
        lacks = "that it failed" if recorded.failed else f"no {', '.join(recorded.missing) or 'start'} of it"
        raise NotPublishedError(
            f"What run {run.name} predicted is not published: the log says {lacks}. It waits in {pending}."
        )
    said = recorded.publication
    if said is not None and said.outcome != "published":
        raise NotPublishedError(
            f"What run {run.name} predicted is not published: it was withheld: {said.reason} It waits in {pending}."
        )
    if said is not None:
        return
    version = run.model_version
    schedule = _schedule_of(run, recorded, entries, target.model)
    facts = {
        "run": run.name,
        "model_version": str(version.number) if version else None,
        **_batch_facts(schedule, recorded),
    }
    reason = _withheld(target, journal, recorded, entries, facts, schedule)
    journal.write(
        journal.event(BatchPublication, outcome="withheld" if reason else "published", reason=reason or None, **facts)
    )
    if reason:
        raise NotPublishedError(f"What run {run.name} predicted is not published: {reason} It waits in {pending}.")


def _since_the_start(log: LogReader, run: str) -> list[Entry]:
    """Return the entries since ``run`` began, or all of them if what nobody waited for must be held against them."""
    found: list[Entry] = []
    for entry in log.newest_first():
        found.append(entry)
        if isinstance(entry.event, RunStarted) and entry.event.run == run and entry.event.started_by is None:
            break
    return found[::-1]


def _schedule_of(
    run: PipelineRunResponse, recorded: RecordedRun, entries: list[Entry], model: str
) -> ScheduleChanged | None:
    """Return what the log had of the schedule that began ``run``; nothing of a run that none began."""
    if run.schedule is None or recorded.started is None:
        return None
    return in_force(schedule_changes(entries, model), str(run.schedule.id), recorded.started.time)


def _batch_facts(schedule: ScheduleChanged | None, recorded: RecordedRun) -> dict[str, str]:
    if schedule is None or recorded.started is None:
        return {}
    return {"schedule": schedule.schedule, "batch": batch_of(due_before(schedule, recorded.started.time))}


def _withheld(
    target: Target,
    journal: Journal,
    recorded: RecordedRun,
    entries: list[Entry],
    facts: dict[str, Any],
    schedule: ScheduleChanged | None,
) -> str:
    """Say why what a run predicted is not to be public although it passed; nothing if it is.

    Of a run that a process of ours began the release was checked then.
    """
    started = recorded.started
    if started is None or started.started_by is None:
        return ""
    if target.environment.environment in STAGES:
        events = read_history(target, journal.log).events
        moments = (started.time,) if schedule is None else moments_of(schedule, started.time)
        in_use_at = [History(tuple(event for event in events if event.time <= at)).current for at in moments]
        if facts["model_version"] not in {current.version for current in in_use_at if current is not None}:
            in_use = f"version {in_use_at[0].version}" if in_use_at[0] is not None else "none"
            return f"it scored with version {facts['model_version']}, and {in_use} was in use when it began."
    for other in (entry.event for entry in entries):
        if (
            isinstance(other, BatchPublication)
            and other.outcome == "published"
            and "batch" in facts
            and (other.model, other.schedule, other.batch) == (target.model, facts["schedule"], facts["batch"])
        ):
            return f"run {other.run} made the batch of {facts['batch']} already."
    return ""

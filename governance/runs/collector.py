"""Entering in the log the runs that nobody waited for: of a snapshot, of a schedule, of a process that was killed.

What such a run left lies in two places, ZenML's database and the artifact store, and neither is a witness. It passed
only if both say the same of every gate, and only if the log knew what would run: that it began under a process of ours,
or that its snapshot was deployed under the settings that count. Else it is recorded as failed, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Literal

from requests import RequestException
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.logger import get_logger
from zenml.orchestrators.publish_utils import publish_failed_pipeline_run
from zenml.utils.run_utils import refresh_run_status

from environments.files import sha256_hex
from governance.audit.actor import Identity
from governance.audit.errors import AuditError
from governance.audit.events import (
    EVENT,
    Actor,
    AnyEvent,
    BatchPublication,
    Event,
    GateVerdict,
    PipelineDeployed,
    RunFailed,
    RunStarted,
    ScheduleChanged,
)
from governance.audit.expectations import missing_labels
from governance.audit.outbox import LEFT_BY_STEPS
from governance.core import clock
from governance.core.machine_lock import machine_lock
from governance.core.stacks import active_stack
from governance.core.store_files import failures_of
from governance.core.target import Target
from governance.gates.record import as_reference, gate_label, verdict_fields
from governance.gates.result import metadata_key
from governance.records import run_outbox
from governance.records.context import RunContext, context_of
from governance.records.journal import Journal, NotRecordedError
from governance.records.run_records import RecordedRun, recorded_runs
from governance.records.schedule_records import batch_of, due_before, due_between, in_force, schedule_changes
from governance.records.settings import last_applied
from governance.runs.errors import RunBrokenError
from governance.runs.evidence import verdict_of
from governance.runs.liveness import attended, forget
from governance.runs.publication import NotPublishedError, holds_predictions, publish_predictions
from governance.runs.schedule_removal import remove_replaced
from governance.runs.schedulers import scheduler_of
from governance.runs.snapshot_digest import snapshot_digest
from governance.runs.steps import executor_of
from pipelines.publication import PartMissingError, pending_folder

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from governance.records.run_outbox import StoredFile

_logger = get_logger(__name__)

_PAGE = 100
_MOST_MISSED = 1000
"""Batches of one state of a schedule that are looked for."""
_TIME_TO_RECORD = timedelta(minutes=15)
"""What a process elsewhere is given to enter its run in the log after the run's end, before somebody else does."""
_TIME_TO_APPEAR = timedelta(minutes=15)
"""What a scheduled run is given to be seen where it runs, before it is held to be lost there."""

_OF_THE_STEP = ("environment", "cloud", "team", "model", "pipeline", "run", "git_commit", "git_dirty", "lock_digest")
"""What an event that a step left must say as the run's own settings do."""


@dataclass(frozen=True)
class CollectedRun:
    """One run that was entered now, or would be."""

    run: str
    outcome: Literal["passed", "failed"]
    began: datetime
    reason: str = ""
    """Why it failed, or counts as failed."""
    published: bool = False
    withheld: str = ""
    """Why what it predicted is not published, although it passed."""


@dataclass(frozen=True)
class Collection:
    """What was collected, and what could not be yet."""

    collected: tuple[CollectedRun, ...] = ()
    running: tuple[str, ...] = ()
    """Runs that go on, as far as can be told."""
    overdue: tuple[str, ...] = ()
    """What is said of runs that should be in the log by now, a sentence each."""
    published: tuple[str, ...] = ()
    """Runs that were in the log before and whose predictions were published only now."""
    missed: tuple[str, ...] = ()
    """Batches that a schedule was due to begin and of which no run is known, as ``schedule at time``."""


class CollectError(NotRecordedError):
    """What runs left could not be brought into the log; it stays where it is."""


def collect(target: Target, *, dry_run: bool = False) -> Collection:
    """Bring into the log every run of ``target``'s model whose end it lacks, and publish what they predicted.

    Args:
        target: the model and environment.
        dry_run: find them, and write nothing.

    Raises:
        StackMissingError: the target's stack is not registered.
        CollectError, NotRecordedError: the log cannot be read or written, or what runs left not be read or moved;
            nothing is lost.
    """
    with active_stack(target.stack, target.project), machine_lock(target, "collecting"):
        try:
            return _Collector(target, dry_run).collect()
        except RequestException:
            raise  # an OSError too, of ZenML's server and of no artifact store
        except failures_of(Client().active_stack.artifact_store.path) as error:
            raise CollectError(
                f"Runs of {target.where} are not all collected: what they left in the artifact store of "
                f"{target.stack} cannot be used ({type(error).__name__}: {error}). Collect once it answers, as "
                "somebody who may write it."
            ) from error


def collect_recent(target: Target) -> Collection:
    """Do as :func:`collect` if a run of the last ``audit.overdue_hours`` needs it; errors as there.

    Most often none does, and then the log is read no further back than that. Reconciliation collects what is older.
    """
    with active_stack(target.stack, target.project):
        needed = _needs_collecting(target, clock.now() - timedelta(hours=target.environment.audit.overdue_hours))
    return collect(target) if needed else Collection()


def overdue(target: Target) -> tuple[str, ...]:
    """Return what is to be said of runs whose end the log should have by now; errors as for :func:`collect`."""
    found = collect(target, dry_run=True)
    oldest = clock.now() - timedelta(hours=target.environment.audit.overdue_hours)
    late = [
        f"Run {run.run} of {target.where} began at {run.began:%Y-%m-%d %H:%M} UTC and {run.outcome}; its end is not "
        f"in the log: `make collect ENV={target.environment.environment} MODEL={target.model}`."
        for run in found.collected
        if run.began < oldest
    ]
    return (*found.overdue, *late)


class _Collector:
    def __init__(self, target: Target, dry_run: bool) -> None:
        self._target, self._dry_run = target, dry_run
        self._journal = Journal(target)
        try:
            self._entries = list(self._journal.log.entries())
        except AuditError as error:
            raise CollectError(f"Runs of {target.where} are not collected: {error}") from error
        self._known = recorded_runs(self._entries)
        self._changes = schedule_changes(self._entries, target.model)
        self._limit = target.environment.audit.overdue_hours
        executor = executor_of(target)
        orchestrator, self._follower = executor.orchestrator, executor.follower()
        self._longest = timedelta(minutes=executor.limits.run_minutes)
        self._of_the_store = failures_of(Client().active_stack.artifact_store.path)
        # It cannot be asked, is gone, or does not answer.
        self._silence: tuple[type[Exception], ...] = (
            NotImplementedError,
            ValueError,
            *scheduler_of(orchestrator.flavor).failures(),
        )
        # One that can be scheduled goes on without whoever submitted; any other local one ends with its process.
        self._in_process = orchestrator.config.is_local and not orchestrator.config.is_schedulable
        self._broken: dict[str, RunBrokenError] = {}
        """By run: why one that has not ended for ZenML cannot go on."""

    def collect(self) -> Collection:
        collected, running, late = list[CollectedRun](), list[str](), list[str]()
        scheduled = list[tuple[str, datetime]]()
        seen, published = set[str](), tuple(self._publish_what_waits())
        for run, context in self._runs():
            seen.add(run.name)
            if run.schedule is not None:
                scheduled.append((str(run.schedule.id), _began(run)))
            if attended(self._target, run.name):
                running.append(run.name)
                continue
            self._read_on()  # whoever attended to it until now has recorded it
            recorded = self._known.get(run.name) or RecordedRun(run.name)
            if recorded.ended:
                continue
            state = self._state(run, recorded)
            if state == "running":
                running.append(run.name)
                if self.is_late(run, self._limit):
                    late.append(
                        f"Run {run.name} of {self._target.where} began more than {self._limit} hours ago and has not "
                        f"ended, as far as ZenML knows ({run.status}). Look at it, and stop it if it is gone: "
                        f"`zenml pipeline runs stop {run.id}`."
                    )
                continue
            collected.append(self._enter(run, context, recorded, killed=state == "killed"))
        self._read_on()
        collected += self._never_submitted(seen)
        missed = tuple(self._missed_batches(scheduled))
        if not self._dry_run:
            remove_replaced(self._changes)
        return Collection(tuple(collected), tuple(running), tuple(late), published, missed)

    def _runs(self) -> Iterator[tuple[PipelineRunResponse, RunContext]]:
        """Yield the governed runs of the target that the log does not know to have ended."""
        for summary in _listed():
            recorded = self._known.get(summary.name)
            if recorded is not None and recorded.ended:
                continue
            run = Client().get_pipeline_run(summary.id)
            context = context_of(run)
            if context is not None and _concerns(self._target, context):
                yield run, context

    def _read_on(self) -> None:
        """Take in what was written to the log since it was read."""
        newer = list(self._journal.log.entries(start=len(self._entries)))
        if newer:
            self._entries += newer
            self._known = recorded_runs(self._entries)
            self._changes = schedule_changes(self._entries, self._target.model)

    def _state(self, run: PipelineRunResponse, recorded: RecordedRun) -> Literal["running", "ended", "killed"]:
        if run.status.is_finished:
            begun_elsewhere = (
                recorded.started is not None
                and recorded.started.started_by is None
                and attended(self._target, run.name) is None
            )
            ended = _utc(run.end_time) if run.end_time is not None else _began(run)
            return "running" if begun_elsewhere and clock.now() - ended < _TIME_TO_RECORD else "ended"
        if self._in_process:
            gone = attended(self._target, run.name) is False or self.is_late(run, self._limit)
            return "killed" if gone else "running"
        try:
            finished = refresh_run_status(run).status.is_finished
        except self._silence:
            finished = False
        return "ended" if finished or self._is_broken(run, recorded) else "running"

    def _is_broken(self, run: PipelineRunResponse, recorded: RecordedRun) -> bool:
        """Return whether ``run`` goes on for ZenML only, and nobody is there to see it."""
        age = clock.now() - _began(run)
        begun_by_us = recorded.started is not None and recorded.started.started_by is None
        if begun_by_us and attended(self._target, run.name) is None and age < self._longest:
            return False  # a process elsewhere looks, and ends it
        if age < _TIME_TO_APPEAR:
            return False
        broken = self._seen(run)
        if broken is not None:
            self._broken[run.name] = broken
        return broken is not None

    def _seen(self, run: PipelineRunResponse) -> RunBrokenError | None:
        """Return why ``run`` cannot go on, as far as what runs it answers."""
        try:
            return self._follower.look(run)
        except (OSError, RunBrokenError):
            return None

    @staticmethod
    def is_late(run: PipelineRunResponse, hours: int) -> bool:
        return clock.now() - _began(run) > timedelta(hours=hours)

    def _enter(
        self, run: PipelineRunResponse, context: RunContext, recorded: RecordedRun, *, killed: bool
    ) -> CollectedRun:
        actor, started_by, schedule = self._starter(run, recorded)
        began = _began(run)
        refused = "" if recorded.started is not None else self._not_on_record(run)
        files = run_outbox.pending(run.name)
        events = list[AnyEvent]()
        wrong = list[str]()
        if not refused:
            events, wrong = self._believed(files, run, context, actor)
        events = [event for event in events if event.label not in recorded.labels]
        labels = {*recorded.labels, *(event.label for event in events)}
        failure = self._failure(run, context, labels, refused, wrong, killed=killed)
        if failure is not None:
            events = [event for event in events if event.kind not in ("run_finished", "run_failed")]
            events.append(self._named(context.event(RunFailed, run, actor=actor, **failure)))
        if recorded.started is None:
            begun = context.event(
                RunStarted,
                run,
                actor=actor,
                time=began,
                stack=self._target.stack,
                expects=("run_finished", *(gate_label(gate) for gate in context.gates)),
                started_by=started_by,
                schedule=schedule,
            )
            events.insert(0, self._named(begun))
        told = next((event for event in events if isinstance(event, RunFailed)), None)
        reason = "" if told is None else told.reason or told.error_type or "a step failed"
        if run.name in self._broken:
            reason = str(self._broken[run.name])
        outcome: Literal["passed", "failed"] = "passed" if told is None else "failed"
        if self._dry_run:
            return CollectedRun(run.name, outcome, began, reason)
        # Whoever waits for the run may enter what it left at this very moment; both would write the same.
        with machine_lock(self._target, "recording"):
            self._journal.write(*events)
        for file in files:
            file.remove()
        forget(self._target, run.name)
        if killed:
            publish_failed_pipeline_run(run.id)
        if told is not None:
            self._remove_leftovers(run)
        published, withheld = self._publish(run) if told is None else (False, "")
        return CollectedRun(run.name, outcome, began, reason, published, withheld)

    def _remove_leftovers(self, run: PipelineRunResponse) -> None:
        """Remove what is left of a run that failed, or cannot go on; the log has it, whatever becomes of that."""
        try:
            if run.name in self._broken:
                self._follower.stop(run, ExecutionStatus.FAILED)
            else:
                self._follower.tidy(run)
        except (OSError, RunBrokenError) as error:
            _logger.warning("What is left of run %s is not removed: %s", run.name, error)

    def _starter(
        self, run: PipelineRunResponse, recorded: RecordedRun
    ) -> tuple[Actor, Literal["person", "service", "schedule"], str | None]:
        """Return who or what began ``run``."""
        if recorded.started is not None:
            return recorded.started.actor, recorded.started.started_by or "person", recorded.started.schedule
        if run.schedule is not None:
            name = next(
                (known.schedule for known in self._changes if known.zenml_schedule == str(run.schedule.id)), "unknown"
            )
            return self._journal.person(Identity("zenml-schedule", name, "zenml")), "schedule", name
        user = run.user
        if user is None:  # deleted since
            return self._journal.person(Identity("zenml", "unknown", "zenml")), "person", None
        identity = Identity("zenml", user.name, "zenml")
        return self._journal.person(identity), "service" if user.is_service_account else "person", None

    def _not_on_record(self, run: PipelineRunResponse) -> str:
        """Say why the log did not know what ``run`` would be; nothing if it did."""
        if self._in_process and self._target.guarded:
            return "it ran here past make, with whatever code was in the checkout"
        snapshot = run.snapshot
        if snapshot is None:
            return "what it was made from is deleted from ZenML"
        deployed = [
            entry.event
            for entry in self._entries
            if isinstance(entry.event, PipelineDeployed) and entry.event.snapshot == str(snapshot.id)
        ]
        if not deployed:
            return "no deployment of what it ran is in the log"
        if deployed[-1].snapshot_digest != snapshot_digest(snapshot):
            return "what it ran was altered in ZenML since it was deployed"
        if deployed[-1].model != self._target.model or deployed[-1].stack != self._target.stack:
            return "what it ran was deployed for another model or stack"
        if run.schedule is not None and self._schedule_of(run) is None:
            return "its schedule is not in the log, or was paused, changed or deleted before it began"
        applied = last_applied(self._journal.log)
        if self._target.guarded and (applied is None or applied.settings_digest != deployed[-1].settings_digest):
            return "what it ran was deployed under other settings than were applied since"
        return ""

    def _schedule_of(self, run: PipelineRunResponse) -> ScheduleChanged | None:
        """Return what the log had of the schedule that began ``run``, when it did."""
        assert run.schedule is not None
        return in_force(self._changes, str(run.schedule.id), _began(run))

    def _believed(
        self, files: list[StoredFile], run: PipelineRunResponse, context: RunContext, actor: Actor
    ) -> tuple[list[AnyEvent], list[str]]:
        """Return the events in ``files`` that agree with ZenML, in the order of time, and what is wrong with others."""
        expected = dict(self._verdicts(run, context))
        events, wrong = list[AnyEvent](), list[str]()
        for file in files:
            content = file.read()
            try:
                event = EVENT.validate_python(json.loads(content))
            except ValueError:
                wrong.append("a file that holds no event")
                continue
            like = context.event(RunFailed, run)
            differs = [name for name in _OF_THE_STEP if getattr(event, name) != getattr(like, name)]
            if event.kind not in LEFT_BY_STEPS:
                wrong.append(f"a {event.kind}, which no step leaves")
            elif differs:
                wrong.append(f"a {event.label} that differs from the run in {', '.join(differs)}")
            elif event.kind == "gate_verdict" and expected.get(event.label) != _decided(event):
                wrong.append(f"a {event.label} that differs from ZenML's")
            elif event.kind == "run_finished" and not run.status.is_successful:
                wrong.append("a run_finished of a run that did not end well in ZenML")
            else:
                events.append(self._named(event.model_copy(update={"actor": actor})))
        return sorted(events, key=lambda event: event.time), wrong

    def _verdicts(self, run: PipelineRunResponse, context: RunContext) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield label and decision of every verdict that ZenML has of ``run``."""
        for gate in context.gates:
            result, logged = verdict_of(run, gate), run.run_metadata.get(metadata_key(gate))
            if result is None or not isinstance(logged, dict):
                continue
            for fields in verdict_fields(result, str(logged["digest"])):
                event = context.event(GateVerdict, run, **fields)
                yield event.label, _decided(event)

    def _failure(
        self,
        run: PipelineRunResponse,
        context: RunContext,
        labels: set[str],
        refused: str,
        wrong: list[str],
        *,
        killed: bool,
    ) -> dict[str, str] | None:
        """Return what a ``run_failed`` is to say of ``run`` that its steps did not; None if there is nothing to say."""
        if refused:
            return {"error_type": "NotOnRecord", "reason": f"It counts for nothing: {refused}."}
        if killed:
            return {"error_type": "ProcessKilled", "reason": "Its process was gone before it ended."}
        if run.name in self._broken:
            return _told(self._broken[run.name], "It could not go on where it ran, and was stopped.")
        if wrong:
            reason = f"What it left is not what ZenML has: {'; '.join(sorted(set(wrong)))}."
            return {"error_type": "NotBelieved", "reason": reason[:500]}
        if "run_failed" in labels:
            return None
        if not run.status.is_successful:
            step = next((step for step in run.steps.values() if step.status.is_failed), None)
            reason = f"It ended {run.status} and left no word of its own."
            self._seen(run)  # which pods are still there says why
            explained = self._follower.explain(step.name if step is not None else "")
            if explained is not None:
                return _told(explained, reason)
            told = {"error_type": _error_type(step), "reason": reason}
            return {**told, "step": step.name} if step is not None else told
        expects = ("run_finished", *(gate_label(gate) for gate in context.gates))
        if missing := missing_labels(expects, labels):
            return {"error_type": "Incomplete", "reason": f"{', '.join(missing)} never arrived."[:500]}
        return None

    def _never_submitted(self, seen: set[str]) -> Iterator[CollectedRun]:
        """Record as failed what the log saw begin on this target and ZenML has no run of."""
        for recorded in self._known.values():
            started = recorded.started
            if started is None or recorded.ended or recorded.name in seen or started.model != self._target.model:
                continue
            state = attended(self._target, recorded.name)
            late = clock.now() - started.time > timedelta(hours=self._limit)
            if state or not (state is False or late):
                continue
            reason = "ZenML has no run of this name: it was never submitted, or was deleted there."
            yield CollectedRun(recorded.name, "failed", started.time, reason)
            if not self._dry_run:
                failed = self._journal.event(
                    RunFailed,
                    run=recorded.name,
                    pipeline=started.pipeline,
                    actor=started.actor,
                    error_type="NeverSubmitted",
                    reason=reason,
                )
                self._journal.write(self._named(failed))
                forget(self._target, recorded.name)

    def _missed_batches(self, scheduled: list[tuple[str, datetime]]) -> Iterator[str]:
        """Record each batch that was due long enough ago and that no run of its schedule began; yield which.

        Args:
            scheduled: schedule in ZenML and beginning of runs that were not in the log before.
        """
        until = clock.now() - timedelta(hours=self._limit)
        begun = {
            (recorded.started.schedule, batch_of(due_before(change, recorded.started.time)))
            for recorded in self._known.values()
            if recorded.started is not None and recorded.started.schedule is not None
            for change in self._changes
            if change.schedule == recorded.started.schedule
        }
        begun |= {
            (change.schedule, batch_of(due_before(change, began)))
            for identity, began in scheduled
            for change in self._changes
            if change.zenml_schedule == identity
        }
        told = {
            (event.schedule, event.batch)
            for event in (entry.event for entry in self._entries)
            if isinstance(event, BatchPublication) and event.model == self._target.model
        }
        for number, change in enumerate(self._changes):
            later = (after.time for after in self._changes[number + 1 :] if after.schedule == change.schedule)
            if not change.runs:
                continue
            for due in islice(due_between(change, change.time, min(next(later, until), until)), _MOST_MISSED):
                batch = batch_of(due)
                if (change.schedule, batch) in begun | told:
                    continue
                if not self._dry_run:
                    missed = self._journal.event(
                        BatchPublication,
                        outcome="missed",
                        schedule=change.schedule,
                        batch=batch,
                        reason="No run of it is known.",
                    )
                    key = f"{change.schedule}\n{batch}\nmissed"
                    self._journal.write(missed.model_copy(update={"id": sha256_hex(key)[:32]}))
                yield f"{change.schedule} at {batch}"

    def _publish_what_waits(self) -> Iterator[str]:
        """Publish what runs predicted that the log knew to have passed before, as after a crash; yield their names."""
        store = Client().active_stack.artifact_store
        waiting = pending_folder(store.path, self._target.model, "").rstrip("/")
        for run_id in map(str, store.listdir(waiting)) if store.exists(waiting) else ():
            try:
                run = Client().get_pipeline_run(run_id.rstrip("/"), allow_name_prefix_match=False)
            except KeyError:  # deleted, or nothing of ours
                continue
            recorded = self._known.get(run.name)
            withheld = recorded is not None and recorded.publication and recorded.publication.outcome != "published"
            if recorded is None or not recorded.passed or withheld or attended(self._target, run.name):
                continue
            if self._dry_run or self._publish(run)[0]:
                yield run.name

    def _publish(self, run: PipelineRunResponse) -> tuple[bool, str]:
        """Return whether what ``run`` predicted was published now, and else why it is withheld."""
        if not holds_predictions(run):
            return False, ""
        try:
            return publish_predictions(self._target, self._journal, run), ""
        except (NotPublishedError, PartMissingError) as held:
            return False, str(held)
        except self._of_the_store as error:
            # Whoever collects may not write there, say; the log has it, so the next one ends it.
            return False, f"What run {run.name} predicted is not published yet: {type(error).__name__}: {error}"

    def _named(self, event: Any) -> Any:
        """Return ``event`` under the id that it has however often it is collected."""
        return event.model_copy(update={"id": sha256_hex(f"{event.run}\n{event.label}")[:32]})


def _needs_collecting(target: Target, since: datetime) -> bool:
    """Return whether a run that was made at ``since`` or later lacks its end in the log, or its predictions wait."""
    try:
        newest = list(takewhile(lambda entry: entry.recorded >= since, Journal(target).log.newest_first()))
    except AuditError as error:
        raise CollectError(f"Runs of {target.where} are not collected: {error}") from error
    known, store = recorded_runs(reversed(newest)), Client().active_stack.artifact_store
    for run in _listed(since):
        recorded = known.get(run.name) or RecordedRun(run.name)
        if recorded.passed:
            said = recorded.publication
            pending = pending_folder(store.path, target.model, str(run.id))
            if (said is None or said.outcome == "published") and store.exists(pending):
                return True
        elif not recorded.ended and not attended(target, run.name):
            context = context_of(Client().get_pipeline_run(run.id))
            if context is not None and _concerns(target, context):
                return True
    return False


def _listed(since: datetime | None = None) -> Iterator[PipelineRunResponse]:
    """Yield the runs of the active stack that were made at ``since`` or later, without their details."""
    stack, page = Client().active_stack_model, 1
    made = None if since is None else f"gte:{since:%Y-%m-%d %H:%M:%S}"
    while True:
        found = Client().list_pipeline_runs(
            stack_id=stack.id, created=made, sort_by="asc:created", page=page, size=_PAGE
        )
        yield from found.items
        if page >= found.total_pages:
            return
        page += 1


def _concerns(target: Target, context: RunContext) -> bool:
    return (context.model, context.environment, context.cloud, context.team) == (
        target.model,
        target.environment.environment,
        target.cloud,
        target.team.team,
    )


def _decided(event: Event) -> dict[str, Any]:
    """Return what a verdict says, whoever left it and when."""
    return {name: value for name, value in event.content().items() if name not in ("id", "time", "actor")}


def _told(broken: RunBrokenError, reason: str) -> dict[str, str]:
    """Return what a ``run_failed`` says of ``broken``: not its message, which may quote data."""
    return {"error_type": broken.reason, "reason": reason, **({"step": broken.step} if broken.step else {})}


def _error_type(step: Any) -> str:
    told = step.exception_info if step is not None else None
    return as_reference((told.source or "").rpartition(".")[2]) or "Unknown" if told is not None else "Unknown"


def _began(run: PipelineRunResponse) -> datetime:
    """Return when ``run`` began: a scheduled one has no start before its first step's."""
    return min(_utc(moment) for moment in (run.created, run.start_time) if moment is not None)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

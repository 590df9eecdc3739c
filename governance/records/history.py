"""What happened to a model in an environment, read from its audit log in words that people use."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from environments import ORDER
from environments.strict import StrictModel
from governance.audit import AuditError, LogReader, locate, open_reader, select
from governance.audit.events import Actor, Approval, Promotion, Rollback
from governance.audit.query import Filter
from governance.audit.subjects import Subjects
from governance.core.target import Target

Kind = Literal[
    "promotion requested", "promotion refused", "promotion undone", "promotion completed", "rollback completed"
]
_PROMOTION: dict[str, Kind] = {
    "requested": "promotion requested",
    "refused": "promotion refused",
    "undone": "promotion undone",
    "completed": "promotion completed",
}


class ModelEvent(StrictModel):
    """One thing that happened to a model in an environment."""

    kind: Kind
    time: datetime
    environment: str
    model: str
    version: str
    digest: str
    actor: str
    """The person, or the pseudonym of somebody whose detail was erased or is sealed elsewhere."""
    approvers: tuple[str, ...] = ()
    reason: str = ""
    returned: bool = False
    """Whether it is the second half of a drill, which goes forward again."""


def history(target: Target, log: LogReader | None = None) -> list[ModelEvent]:
    """Return every event of ``target``'s model in its environment, oldest first.

    Args:
        target: the model and environment.
        log: the environment's log, where it is open already.

    Raises:
        AuditError: the log cannot be read.
    """
    where = locate(target.platform, target.environment.environment, cloud=target.cloud)
    log = log or open_reader(target.platform, target.environment.environment, cloud=target.cloud)
    subjects = where.subjects()
    found, approvers = [], dict[str, str]()
    for entry in select(log, Filter(model=target.model)):
        event = entry.event
        if isinstance(event, Approval) and event.decision == "approved":
            approvers[event.statement_digest] = _name(subjects, event.actor)
        elif isinstance(event, Promotion) and event.step in _PROMOTION:
            found.append(
                ModelEvent(
                    kind=_PROMOTION[event.step],
                    time=event.time,
                    environment=event.environment,
                    model=event.model,
                    version=event.model_version,
                    digest=event.model_digest or "",
                    actor=_name(subjects, event.actor),
                    approvers=tuple(approvers[made] for made in event.approvals if made in approvers),
                    reason=event.reason or "",
                )
            )
        elif isinstance(event, Rollback) and event.step == "completed":
            found.append(
                ModelEvent(
                    kind="rollback completed",
                    time=event.time,
                    environment=event.environment,
                    model=event.model,
                    version=event.to_version,
                    digest=event.model_digest or "",
                    actor=_name(subjects, event.actor),
                    reason=event.reason or "",
                    returned=event.drill == "return",
                )
            )
    return found


def completed_promotions(target: Target, log: LogReader | None = None) -> set[tuple[str, str]]:
    """Return version and digest of every promotion into ``target``'s environment that the log saw completed.

    Raises:
        AuditError: the log cannot be read.
    """
    return {(event.version, event.digest) for event in history(target, log) if event.kind == "promotion completed"}


def released_versions(target: Target, log: LogReader | None = None) -> list[str]:
    """Return versions in the order they were in use in ``target``'s environment, the current one last.

    A promotion puts a version on top; a rollback takes the top one away. So a second rollback goes further back
    instead of returning to the version that was just left. A drill leaves all as it was.

    Raises:
        AuditError: the log cannot be read.
    """
    return [event.version for event in _in_use(target, log)]


def version_in_use(target: Target, log: LogReader | None = None) -> ModelEvent | None:
    """Return the event that brought into use what the log says is in use now in ``target``'s environment.

    Raises:
        AuditError: the log cannot be read.
    """
    return next(reversed(_in_use(target, log)), None)


def version_staged(target: Target, log: LogReader | None = None) -> str | None:
    """Return the version that ZenML must have in the stage of ``target``'s environment, by the logs.

    A version has one stage in ZenML: as it enters the next environment it leaves this one, and does not come back.

    Raises:
        AuditError: a log cannot be read.
    """
    here = version_in_use(target, log)
    if here is None:
        return None
    later = (target.in_environment(name) for name in ORDER[ORDER.index(target.environment.environment) + 1 :])
    moved_on = any(
        event.kind == "promotion completed" and event.version == here.version and event.time > here.time
        for environment in later
        for event in history(environment)
    )
    return None if moved_on else here.version


def _in_use(target: Target, log: LogReader | None) -> list[ModelEvent]:
    stack: list[ModelEvent] = []
    for event in history(target, log):
        if event.kind == "promotion completed" and (not stack or stack[-1].version != event.version):
            stack.append(event)
        elif event.kind == "rollback completed":
            if event.returned or event.version not in {earlier.version for earlier in stack}:
                stack.append(event)
            while stack[-1].version != event.version:
                stack.pop()
    return stack


def _name(subjects: Subjects, actor: Actor) -> str:
    """Return the name of ``actor``, where that can still be said."""
    try:
        return str(subjects.reveal(actor)["subject"])
    except AuditError:
        return actor.id

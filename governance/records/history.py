"""What happened to a model in an environment, read from its audit log in words that people use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from environments import ORDER
from environments.strict import StrictModel
from governance.audit import AuditError, LogReader, locate, open_reader
from governance.audit.events import Actor, Approval, Promotion, Rollback
from governance.audit.subjects import Subjects
from governance.core.target import Target
from governance.records.settings import with_settings

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
    other_settings: bool = False
    """Whether it was decided under other settings than were last applied then, so that it counts for nothing."""


@dataclass(frozen=True)
class History:
    """What happened to one model in one environment, oldest first: one reading of the log."""

    events: tuple[ModelEvent, ...]

    @cached_property
    def in_use(self) -> tuple[ModelEvent, ...]:
        """The events that brought versions into use, in that order; the last one's is in use now.

        A promotion puts a version on top; a rollback takes the top one away. So a second rollback goes further back
        instead of returning to the version that was just left. A drill leaves all as it was.
        """
        stack: list[ModelEvent] = []
        for event in self.moves:
            if event.kind == "promotion completed" and (not stack or stack[-1].version != event.version):
                stack.append(event)
            elif event.kind == "rollback completed":
                if event.returned or event.version not in {earlier.version for earlier in stack}:
                    stack.append(event)
                while stack[-1].version != event.version:
                    stack.pop()
        return tuple(stack)

    @property
    def versions(self) -> list[str]:
        """Versions in the order in which they were in use, the current one last."""
        return [event.version for event in self.in_use]

    @property
    def current(self) -> ModelEvent | None:
        """The event that brought into use what is in use now."""
        return self.in_use[-1] if self.in_use else None

    @property
    def moves(self) -> list[ModelEvent]:
        """The promotions and rollbacks that count and set a stage."""
        completed = (event for event in self.events if event.kind.endswith("completed"))
        return [event for event in completed if not event.other_settings]

    @property
    def promoted(self) -> set[tuple[str, str]]:
        """Version and digest of every promotion that was completed."""
        return {(event.version, event.digest) for event in self.moves if event.kind == "promotion completed"}

    @property
    def refuted(self) -> tuple[ModelEvent, ...]:
        """What was completed under other settings than were applied, and so counts for nothing."""
        return tuple(event for event in self.events if event.other_settings and event.kind.endswith("completed"))


def read_history(target: Target, log: LogReader | None = None) -> History:
    """Read what happened to ``target``'s model in its environment.

    Args:
        target: the model and environment.
        log: the environment's log, where it is open already.

    Raises:
        AuditError: the log cannot be read.
    """
    subjects = locate(target.platform, target.environment.environment, cloud=target.cloud).subjects()
    log = log or open_reader(target.platform, target.environment.environment, cloud=target.cloud)
    found, approvers = [], dict[str, str]()
    for entry, settled in with_settings(log):
        event = entry.event
        if event.model != target.model:
            continue
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
                    other_settings=not settled,
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
                    other_settings=not settled,
                )
            )
    return History(tuple(found))


def read_elsewhere(target: Target) -> History | None:
    """Read the history of ``target``'s model where ``target`` is another environment than the one at work.

    Whoever works in one environment need not be let into another's log. What cannot be read is None: unknown, neither
    an alarm nor an agreement, and whoever asks goes on with what holds either way.
    """
    try:
        return read_history(target)
    except AuditError:
        return None


def versions_staged(target: Target, here: History) -> tuple[str | None, ...]:
    """Return what ZenML may have in the stage of ``target``'s environment, by the logs; None is no version.

    A version has one stage in ZenML: as it enters the next environment it leaves this one, and does not come back. So
    there are two answers where a later environment's log is out of reach.
    """
    current = here.current
    if current is None:
        return (None,)
    later = [read_elsewhere(environment) for environment in _later(target)]
    # It may have come back, by a rollback or a promotion, since the event that first brought it here.
    since = max(event.time for event in here.moves if event.version == current.version)
    moved_on = any(
        event.version == current.version and event.time > since
        for history in later
        if history is not None
        for event in history.moves
    )
    if moved_on:
        return (None,)
    return (current.version, None) if None in later else (current.version,)


def in_use_later(target: Target, version: str) -> str | None:
    """Return the environment after ``target``'s in which the log says that ``version`` is in use, if there is one.

    A log that is out of reach says nothing.
    """
    for environment in _later(target):
        history = read_elsewhere(environment)
        if history is not None and history.current is not None and history.current.version == version:
            return environment.environment.environment
    return None


def _later(target: Target) -> list[Target]:
    return [target.in_environment(name) for name in ORDER[ORDER.index(target.environment.environment) + 1 :]]


def _name(subjects: Subjects, actor: Actor) -> str:
    """Return the name of ``actor``, where that can still be said."""
    try:
        return str(subjects.reveal(actor)["subject"])
    except AuditError:
        return actor.id

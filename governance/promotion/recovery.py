"""What an interrupted promotion or rollback left, finished or undone; and of two at once, which one goes on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from zenml.enums import ModelStages

from environments.files import sha256_hex
from governance.approvals.expiry import LEASE
from governance.audit import AuditError, LogReader, open_reader, select
from governance.audit.events import Approval, Reconciliation
from governance.audit.events import Promotion as PromotionEvent
from governance.audit.events import Rollback as RollbackEvent
from governance.audit.query import Filter
from governance.core import clock
from governance.core.digests import digest
from governance.core.target import Target
from governance.gates.result import GateResult
from governance.promotion.lock import PromotionInProgressError
from governance.records.history import read_history, versions_staged
from governance.records.journal import Journal, without_people
from governance.registry.loading import trusted_release
from governance.registry.model_files import ReleaseError
from governance.registry.releases import Release, digest_of, find_release, verify_release
from governance.registry.versions import STAGES, NoVersionError, named, named_version, number, staged_version
from governance.signing.errors import SigningError

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse

_CLOSED = frozenset({"completed", "refused", "undone"})


@dataclass(frozen=True)
class Promotion:
    """A promotion that was made."""

    version: str
    previous: str | None
    results: tuple[GateResult, ...]
    """What the gates decided; none for a promotion that an earlier, interrupted call had decided."""
    release: Release | None
    approvers: tuple[str, ...] = ()
    """E-mails of whose approvals it acted on."""
    note: str = ""
    """What was found of an interrupted promotion, and what became of it."""
    alert: str = ""
    """What must be said aloud: the glass was broken."""


@dataclass(frozen=True)
class InFlightPromotion:
    """A promotion or rollback that the log saw begin."""

    id: str
    began: int
    """Sequence number of its first event."""
    events: tuple[PromotionEvent | RollbackEvent, ...]
    """What the log has of it, oldest first."""

    @property
    def last(self) -> PromotionEvent | RollbackEvent:
        """Its newest event."""
        return self.events[-1]

    @property
    def replaces(self) -> str | None:
        """The version that was in use before."""
        return self.last.replaces if isinstance(self.last, PromotionEvent) else self.last.from_version

    @property
    def what(self) -> str:
        """Its kind, for messages."""
        return "promotion" if isinstance(self.last, PromotionEvent) else "rollback"

    @property
    def version(self) -> str:
        """The version that it brings into use."""
        return self.last.model_version if isinstance(self.last, PromotionEvent) else self.last.to_version


def new_promotion_id() -> str:
    """Return an identifier for an attempt, whose end tells which machine makes it."""
    return uuid4().hex[:24] + _machine()


def in_flight_promotions(log: LogReader, target: Target) -> list[InFlightPromotion]:
    """Return attempts on ``target`` neither completed nor given up, in the order in which they began."""
    found: dict[str, InFlightPromotion] = {}
    for entry in select(log, Filter(model=target.model)):
        event = entry.event
        if isinstance(event, PromotionEvent | RollbackEvent):
            name = event.promotion if isinstance(event, PromotionEvent) else event.rollback
            before = found.get(name, InFlightPromotion(name, entry.sequence, ()))
            found[name] = replace(before, events=(*before.events, event))
    return [attempt for attempt in found.values() if attempt.last.step not in _CLOSED]


def is_completed(target: Target, attempt: str) -> bool:
    """Return whether the log holds that ``attempt`` was completed, although writing so failed, as at an anchor only.

    Where even that cannot be told, the answer is no; what differs afterwards is put right by :func:`recover`.
    """
    try:
        log = open_reader(target.platform, target.environment.environment, cloud=target.cloud)
        events = (entry.event for entry in select(log, Filter(model=target.model), newest_first=True))
        return any(
            event.step == "completed"
            and attempt in (getattr(event, "promotion", None), getattr(event, "rollback", None))
            for event in events
            if isinstance(event, PromotionEvent | RollbackEvent)
        )
    except AuditError:
        return False


def recover(target: Target, journal: Journal) -> tuple[str, Promotion | None]:
    """Finish or undo what interrupted promotions and rollbacks left, and say which.

    One whose stage is set is finished if all that it needed still holds, else undone; one whose stage is not is
    undone. Then the stage is what the log says is in use. Call it while nothing else on this machine moves the same
    model.

    Raises:
        PromotionInProgressError: another machine has one going on.
        NotRecordedError: the log cannot be written.
    """
    notes, finished = [], None
    for attempt in in_flight_promotions(journal.log, target):
        _refuse_if_alive(attempt, target)
        current = staged_version(target)
        wrong = _why_not(attempt, current, target, journal)
        done = not wrong
        journal.write(
            attempt.last.model_copy(
                update={
                    "id": uuid4().hex,
                    "time": clock.now(),
                    "actor": journal.actor,
                    "step": "completed" if done else "undone",
                    "reason": attempt.last.reason if done else f"the {attempt.what} was interrupted {wrong}",
                }
            )
        )
        note = f"An interrupted {attempt.what} of version {attempt.version} was {'finished' if done else 'undone'}."
        notes.append(note)
        if done and current is not None and isinstance(attempt.last, PromotionEvent):
            release = find_release(current, target)
            finished = Promotion(attempt.version, attempt.last.replaces, (), release, note=note)
    notes += _follow_log(target, journal)
    return " ".join(notes), finished


def _why_not(attempt: InFlightPromotion, current: ModelVersionResponse | None, target: Target, journal: Journal) -> str:
    """Return why an interrupted attempt is not finished; empty if it is.

    Its steps, in entries that the log signed, show that gates and people let it pass; that still has to hold.
    """
    if attempt.last.step != "stage_set" or current is None or str(current.number) != attempt.version:
        return "before the stage was set"
    needed = {"requested", "gates", "approved"} if isinstance(attempt.last, PromotionEvent) else {"requested"}
    if not needed <= {event.step for event in attempt.events}:
        return "and the log lacks its gates or approvals"
    if {event.settings_digest for event in attempt.events} != {journal.settings.digest}:
        return "and was decided under other settings than are applied now"
    if {event.model_digest for event in attempt.events} != {digest(digest_of(current))}:
        return "and its files are not those that it was about"
    try:
        verify_release(current, target)
    except (ReleaseError, SigningError) as error:
        return without_people(f"and its release does not hold: {error}")
    declined = any(
        isinstance(entry.event, Approval) and entry.event.decision == "declined" and entry.sequence > attempt.began
        for entry in select(journal.log, Filter(kind="approval", model=target.model, model_version=attempt.version))
    )
    return "and was declined since" if declined and isinstance(attempt.last, PromotionEvent) else ""


def _follow_log(target: Target, journal: Journal) -> list[str]:
    """Set the stage as the log says, where ZenML differs: after an interrupt, or when somebody set it by hand."""
    possible, staged = versions_staged(target, read_history(target, journal.log)), staged_version(target)
    wanted, found = possible[0], number(staged)
    if found in possible or len(possible) > 1:  # where the version went is not known: nothing is moved
        return []
    said = f"ZenML said {named(found)}, the log {named(wanted)}"
    journal.write(journal.event(Reconciliation, outcome="differs", findings=(f"{target.where}: {said}",)))
    if wanted is not None:
        try:
            trusted_release(version := named_version(target, wanted), target, journal)
        except NoVersionError:
            return [f"{said}, and that one is deleted from ZenML."]
        version.set_stage(STAGES[target.environment.environment], force=True)
    elif staged is not None:
        staged.set_stage(ModelStages.NONE, force=True)
    return [f"In use is what the log says: {said}."]


def require_first(journal: Journal, target: Target, attempt: str) -> None:
    """Go on only if ``attempt`` began before every other that is open.

    Two machines may both have found nothing going on; the log's numbers say who was first.

    Raises:
        PromotionInProgressError: another began before, or this one was taken for dead and undone.
    """
    going_on = in_flight_promotions(journal.log, target)
    if attempt not in {other.id for other in going_on}:
        raise PromotionInProgressError(
            f"This took longer than {LEASE} and was undone by somebody else meanwhile. No stage was changed."
        )
    first = going_on[0]
    if first.id != attempt:
        raise PromotionInProgressError(
            f"Another {first.what} of {target.where}, to version {first.version}, began just before. Nothing was "
            "changed; try again later."
        )


def _refuse_if_alive(attempt: InFlightPromotion, target: Target) -> None:
    if target.cloud == "local" or attempt.id.endswith(_machine()):
        return  # whoever made it would hold this machine's lock
    ends = attempt.last.time + LEASE
    if clock.now() < ends:
        raise PromotionInProgressError(
            f"Another {attempt.what} of {target.where}, to version {attempt.version}, is going on on another machine. "
            f"Nothing was changed. If that machine died, try again after {ends:%H:%M} UTC."
        )


def _machine() -> str:
    return sha256_hex(platform.node())[:8]


def checks_of(results: Sequence[GateResult]) -> list[str]:
    """Return the checks of all gates, in words."""
    return [str(check) for result in results for check in result.checks]

"""What an interrupted promotion or rollback left, finished or undone; and of two at once, which one goes on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from governance.approvals.expiry import LEASE
from governance.audit import LogReader, select
from governance.audit.events import Promotion as PromotionEvent
from governance.audit.events import Rollback as RollbackEvent
from governance.audit.query import Filter
from governance.core import clock
from governance.core.target import Target
from governance.gates.result import GateResult
from governance.promotion.lock import PromotionInProgressError
from governance.records.journal import Journal
from governance.registry.releases import Release, find_release
from governance.registry.versions import staged_version

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
    last: PromotionEvent | RollbackEvent

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
            began = found[name].began if name in found else entry.sequence
            found[name] = InFlightPromotion(name, began, event)
    return [attempt for attempt in found.values() if attempt.last.step not in _CLOSED]


def recover(target: Target, journal: Journal) -> tuple[str, Promotion | None]:
    """Finish or undo what interrupted promotions and rollbacks left, and say which.

    One whose stage is set is finished; one whose stage is not is undone. Call it while nothing else on this machine
    moves the same model.

    Raises:
        PromotionInProgressError: another machine has one going on.
    """
    notes, finished = [], None
    for attempt in in_flight_promotions(journal.log, target):
        _refuse_if_alive(attempt, target)
        current = staged_version(target)
        done = attempt.last.step == "stage_set" and current is not None and str(current.number) == attempt.version
        journal.write(
            attempt.last.model_copy(
                update={
                    "id": uuid4().hex,
                    "time": clock.now(),
                    "actor": journal.actor,
                    "step": "completed" if done else "undone",
                    "reason": attempt.last.reason
                    if done
                    else f"the {attempt.what} was interrupted before the stage was set",
                }
            )
        )
        note = f"An interrupted {attempt.what} of version {attempt.version} was {'finished' if done else 'undone'}."
        notes.append(note)
        if done and current is not None and isinstance(attempt.last, PromotionEvent):
            release = find_release(current, target)
            finished = Promotion(attempt.version, attempt.last.replaces, (), release, note=note)
    return " ".join(notes), finished


def require_first(journal: Journal, target: Target, attempt: str) -> None:
    """Go on only if ``attempt`` began before every other that is open.

    Two machines may both have found nothing going on; the log's numbers say who was first.

    Raises:
        PromotionInProgressError: another began before, or this one was taken for dead and undone.
    """
    going_on = in_flight_promotions(journal.log, target)
    if attempt not in {one.id for one in going_on}:
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
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def checks_of(results: Sequence[GateResult]) -> list[str]:
    """Return the checks of all gates, in words."""
    return [str(check) for result in results for check in result.checks]

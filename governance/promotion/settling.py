"""What an interrupted promotion or rollback left, finished or undone."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from governance.audit import select
from governance.audit.events import Promotion as PromotionEvent
from governance.audit.events import Rollback as RollbackEvent
from governance.audit.events import now
from governance.audit.query import Filter
from governance.errors import Refused
from governance.gates.result import GateResult
from governance.journal import Journal
from governance.releases import Release, find_release
from governance.target import Target
from governance.versions import staged_version


class PromotionRefused(Refused):
    """The promotion or rollback is not allowed; the message says why and what would make it so."""


@dataclass(frozen=True)
class Promotion:
    """A promotion that was made."""

    version: str
    previous: str | None
    result: GateResult | None
    """What the gate decided; ``None`` for one that an earlier, interrupted call had decided."""
    release: Release | None
    note: str = ""
    """What was found of an interrupted promotion, and what became of it."""


def settle(target: Target, journal: Journal) -> tuple[str, Promotion | None]:
    """Finish or undo what an interrupted promotion or rollback left, and say which.

    One whose stage is set is finished; one whose stage is not is undone. Only one can be open: each settles what it
    finds before it begins.
    """
    last = next(
        (
            entry.event
            for entry in select(journal.log, Filter(model=target.model), newest_first=True)
            if isinstance(entry.event, PromotionEvent | RollbackEvent)
        ),
        None,
    )
    if last is None or last.step in {"completed", "refused", "undone"}:
        return "", None
    version = last.model_version if isinstance(last, PromotionEvent) else last.to_version
    current = staged_version(target)
    done = last.step == "stage_set" and current is not None and str(current.number) == version
    what = "promotion" if isinstance(last, PromotionEvent) else "rollback"
    settled = last.model_copy(
        update={
            "id": uuid4().hex,
            "time": now(),
            "actor": journal.actor,
            "step": "completed" if done else "undone",
            "reason": last.reason if done else f"the {what} was interrupted before the stage was set",
        }
    )
    journal.write(settled)
    note = f"An interrupted {what} of version {version} was {'finished' if done else 'undone'}."
    if done and current is not None and isinstance(last, PromotionEvent):
        return note, Promotion(version, last.replaces, None, find_release(current, target), note)
    return note, None

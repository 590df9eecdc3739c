"""An approval is for one way into the environment, and a no stands until the same person says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from governance.audit.events import Rollback
from governance.core import clock
from governance.records.journal import Journal
from tests.governance.approvals.test_approvals import ALAN, EDSGER, Desk, desk

__all__ = ["desk"]


def roll_back(desk: Desk, **more: object) -> None:
    journal = Journal(desk.target)
    journal.write(
        journal.event(
            Rollback,
            step="completed",
            rollback="r",
            from_version="3",
            to_version="2",
            model_version="2",
            model_digest=desk.request.model_digest,
            **more,
        )
    )


def test_a_spare_approval_brings_back_what_was_rolled_back_as_harmful(desk: Desk) -> None:
    used = desk.give(EDSGER)
    desk.give(ALAN)
    desk.use(used)
    roll_back(desk)
    tally = desk.count(trainer="mallory@example.com")
    assert tally.counted == ()
    assert len(tally.rejected) == 2
    assert "was closed by a promotion completed since" in tally.rejected[0]


def test_an_approval_of_before_a_rollback_is_used_after_it(desk: Desk) -> None:
    desk.give(EDSGER)
    roll_back(desk, drill="back")
    assert len(desk.count().counted) == 1, "a drill leaves all as it was"
    roll_back(desk)
    desk.refused("was closed by a rollback completed since")
    desk.give(EDSGER)
    assert len(desk.count().counted) == 1, "one that was given afterwards counts"


def test_an_approval_of_before_somebodys_no_is_used_after_it(desk: Desk) -> None:
    desk.give(EDSGER)
    desk.give(ALAN, decision="declined", reason="recall fell")
    tally = desk.count(trainer="mallory@example.com")
    assert (tally.counted, len(tally.declined)) == ((), 1)
    assert "was closed by a refusal since" in tally.rejected[0]


def test_a_no_is_waited_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.give(EDSGER, decision="declined", reason="recall fell")
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=30))
    assert len(desk.count().declined) == 1

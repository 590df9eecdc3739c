"""Of two machines that move one model the log says which goes on; what a dead one left is settled in the end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from environments import PLATFORM, load_platform, names_for
from governance.approvals.expiry import LEASE
from governance.audit.events import Promotion
from governance.core.clock import now
from governance.core.target import Target, target_for
from governance.promotion import recovery as settling
from governance.promotion.lock import PromotionInProgressError
from governance.promotion.recovery import in_flight_promotions, new_promotion_id, recover, require_first
from governance.records.journal import Journal
from tests.governance.conftest import CANCER

HERE, THERE = new_promotion_id(), "0" * 24 + "ffffffff"


@pytest.fixture
def target(settings_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    target = target_for(load_platform(settings_directory), CANCER, "staging")
    names = names_for(PLATFORM, "staging", "local", target.environment.prefix)
    (target.folder.parent / Path(names.folder).name / "audit").mkdir(parents=True)
    monkeypatch.setattr(settling, "staged_version", lambda _: None)  # nothing is in use: no ZenML is needed
    return target


def write(target: Target, attempt: str, *steps: str, age: timedelta = timedelta()) -> None:
    journal = Journal(target)
    for step in steps:
        journal.write(
            journal.event(
                Promotion,
                promotion=attempt,
                step=step,
                model_version="1",
                from_stage="none",
                to_stage="staging",
                time=now() - age,
            )
        )


def on_a_cloud(target: Target) -> Target:
    """The same model where several machines write the log."""
    return target_for(target.platform, CANCER, "staging", "aws")


def test_only_attempts_that_were_not_ended_are_open(target: Target) -> None:
    write(target, "a" * 32, "requested", "gates", "approved", "stage_set", "completed")
    write(target, "b" * 32, "requested", "refused")
    write(target, "c" * 32, "requested", "undone")
    write(target, HERE, "requested", "gates")
    (found,) = in_flight_promotions(Journal(target).log, target)
    assert (found.id, found.began, found.last.step, found.what, found.version) == (HERE, 9, "gates", "promotion", "1")


def test_whoever_began_first_goes_on_and_the_other_says_why(target: Target) -> None:
    write(target, THERE, "requested")
    write(target, HERE, "requested")
    journal = Journal(target)
    require_first(journal, target, THERE)
    with pytest.raises(PromotionInProgressError, match=r"Another promotion of .* to version 1, began just before"):
        require_first(journal, target, HERE)
    write(target, THERE, "refused")
    require_first(Journal(target), target, HERE)


def test_one_that_was_taken_for_dead_does_not_set_the_stage_after_all(target: Target) -> None:
    write(target, HERE, "requested", "undone")
    with pytest.raises(PromotionInProgressError, match="undone by somebody else meanwhile"):
        require_first(Journal(target), target, HERE)


def test_an_attempt_on_another_machine_is_left_alone_until_its_time_is_up(target: Target) -> None:
    cloud = on_a_cloud(target)
    write(target, THERE, "requested")
    with pytest.raises(PromotionInProgressError, match="is going on on another machine"):
        recover(cloud, Journal(target))
    assert recover(target, Journal(target))[0] == "An interrupted promotion of version 1 was undone."

    write(target, "1" * 24 + "ffffffff", "requested", age=LEASE + timedelta(seconds=1))
    assert recover(cloud, Journal(target))[0] == "An interrupted promotion of version 1 was undone."


def test_what_this_machine_left_is_settled_at_once(target: Target) -> None:
    """Whoever holds this machine's lock knows that nobody else here is at work."""
    cloud = on_a_cloud(target)
    write(target, HERE, "requested", "gates")
    assert recover(cloud, Journal(target)) == ("An interrupted promotion of version 1 was undone.", None)
    assert in_flight_promotions(Journal(target).log, target) == []

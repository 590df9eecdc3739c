"""An approval counts for one model, evidence, policy and promotion; every other is refused with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from environments import PLATFORM, load_platform, names_for
from governance.approvals.approve import Tally, count_approvals
from governance.approvals.break_glass import require_two
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.request import PromotionRequest
from governance.audit.errors import TamperedError
from governance.audit.events import Approval
from governance.audit.events import Promotion as PromotionEvent
from governance.core import clock
from governance.core.clock import now
from governance.core.policy import policy_version
from governance.core.target import Target, target_for
from governance.records.journal import Journal
from governance.signing import ssh
from governance.signing.people import Person, identity_of, people_of
from governance.signing.signatories import Signatory, demo_key
from governance.signing.statements import ApprovalStatement, Signed, keep, message_of
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER

GRACE, EDSGER, ALAN, MALLORY = (f"{name}@example.com" for name in ("grace", "edsger", "alan", "mallory"))
SHA = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


@dataclass
class Desk:
    """An environment in which approvals are given and counted, without any pipeline run."""

    target: Target
    request: PromotionRequest
    keys: dict[str, Signatory]

    def person(self, email: str) -> Person:
        found = people_of(self.target).named(email)
        assert found is not None
        return found

    def statement(self, **changed: Any) -> ApprovalStatement:
        return ApprovalStatement(
            **{
                "environment": "production",
                "cloud": "local",
                "model": CANCER,
                "model_version": self.request.version,
                "model_digest": self.request.model_digest,
                "evidence_digest": self.request.evidence_digest,
                "policy_version": self.request.policy,
                "decision": "approved",
                "expires": now() + timedelta(hours=1),
                **changed,
            }
        )

    def give(self, email: str, statement: ApprovalStatement | None = None, **changed: Any) -> str:
        """As ``approve`` records it, but without its refusals; returns the statement's digest."""
        said = statement or self.statement(**changed)
        signed = Signed(statement=said, signature=ssh.sign(message_of(said), self.keys[email].key))
        keep(Journal(self.target).store, signed)
        self.record(email, signed)
        return signed.digest

    def record(self, email: str, signed: Signed, **changed: Any) -> None:
        said = signed.statement
        assert isinstance(said, ApprovalStatement)
        journal = Journal(self.target, identity_of(self.person(email)))
        journal.write(
            journal.event(
                Approval,
                **{
                    "model_version": said.model_version,
                    "model_digest": said.model_digest,
                    "decision": said.decision,
                    "role": "ml-engineer",
                    "statement_digest": signed.digest,
                    "expires": said.expires,
                    "break_glass": said.break_glass,
                    **changed,
                },
            )
        )

    def use(self, *digests: str, step: str = "completed") -> None:
        journal = Journal(self.target)
        journal.write(
            journal.event(
                PromotionEvent,
                promotion="earlier",
                step=step,
                model_version="3",
                model_digest=self.request.model_digest,
                from_stage="staging",
                to_stage="production",
                approvals=digests,
            )
        )

    def count(self, *, requester: str | None = GRACE, trainer: str = ALAN, break_glass: bool = False) -> Tally:
        journal = Journal(self.target)
        return count_approvals(
            self.request,
            journal.log,
            journal.store,
            journal.subjects,
            people_of(self.target),
            requester=None if requester is None else self.person(requester),
            trainer=self.person(trainer),
            break_glass=break_glass,
        )

    def refused(self, why: str, **who: Any) -> None:
        """Nothing counts, and the only reason said is ``why``."""
        tally = self.count(**who)
        assert tally.counted == ()
        (reason,) = tally.rejected
        assert why in reason


@pytest.fixture
def desk(settings_directory: Path) -> Iterator[Desk]:
    edit_yaml(
        settings_directory / "teams" / "oncology.yaml",
        lambda raw: raw["environments"]["production"]["members"].update({ALAN: "ml-engineer"}),
    )
    target = target_for(load_platform(settings_directory), CANCER, "production")
    names = names_for(PLATFORM, "production", "local", target.environment.prefix)
    (target.folder.parent / Path(names.folder).name / "audit").mkdir(parents=True)
    keys = {email: demo_key(target, email) for email in (GRACE, EDSGER, ALAN, MALLORY)}
    request = PromotionRequest(target, "3", SHA, "validation-1", (), {"run": SHA, "data": SHA}, policy_version(target))
    yield Desk(target, request, keys)


def test_an_approval_by_somebody_with_the_role_counts_once(desk: Desk) -> None:
    first = desk.give(EDSGER)
    tally = desk.count()
    assert [(one.person.email, one.digest) for one in tally.counted] == [(EDSGER, first)]
    second = desk.give(EDSGER)
    assert [one.digest for one in desk.count().counted] == [second], "one a person, and the newest"


def test_a_self_approval_is_refused(desk: Desk) -> None:
    desk.give(GRACE)
    desk.refused(f"{GRACE}'s does not count: they ask for the promotion themselves")


def test_the_trainers_approval_is_refused(desk: Desk) -> None:
    desk.give(ALAN)
    desk.refused("they trained it")


def test_an_approval_without_the_role_is_refused(desk: Desk) -> None:
    desk.give(MALLORY)
    desk.refused("they hold no role that may approve")


def test_an_auditor_may_not_approve(desk: Desk) -> None:
    desk.keys["audit@example.com"] = demo_key(desk.target, "audit@example.com")
    desk.give("audit@example.com")
    desk.refused("they hold no role that may approve")


def test_a_used_approval_is_refused(desk: Desk) -> None:
    given = desk.give(EDSGER)
    desk.use(given, step="approved")
    assert len(desk.count().counted) == 1, "a promotion that was not completed used nothing up"
    desk.use(given)
    desk.refused("was closed by a promotion completed since")


def test_an_expired_approval_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.give(EDSGER)
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(hours=1, seconds=1))
    desk.refused("expired at")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"model_digest": OTHER}, "is for version 3 of breast_cancer_classifier, another model"),
        ({"model": "diabetes_progression_classifier"}, "another model"),
        ({"model_version": "2"}, "is for version 2, another training of the same files"),
        ({"evidence_digest": OTHER}, "is for other evidence: the version was validated again"),
        ({"policy_version": "policy-0"}, "was given under policy-0, and policy-"),
        ({"environment": "staging"}, "is for staging on local"),
        ({"cloud": "aws"}, "is for production on aws"),
    ],
)
def test_an_approval_of_something_else_is_refused(desk: Desk, changed: dict[str, str], why: str) -> None:
    desk.give(EDSGER, **changed)
    desk.refused(why)


def test_stricter_thresholds_make_approvals_stale(desk: Desk) -> None:
    desk.give(EDSGER)
    edit_yaml(desk.target.platform.directory / "production.yaml", lambda raw: raw["thresholds"].update(precision=0.5))
    target = target_for(load_platform(desk.target.platform.directory), CANCER, "production")
    desk.request = replace(desk.request, target=target, policy=policy_version(target))
    desk.refused("is in force")


def test_a_forged_approval_is_refused(desk: Desk) -> None:
    """Mallory writes what Edsger would, and signs it with her own key or with a signature of his over another."""
    said = desk.statement()
    by_mallory = Signed(statement=said, signature=ssh.sign(message_of(said), desk.keys[MALLORY].key))
    keep(Journal(desk.target).store, by_mallory)
    desk.record(EDSGER, by_mallory)
    desk.refused(f"it was signed by {MALLORY} and recorded in another name")


def test_a_signature_moved_to_another_statement_is_refused(desk: Desk) -> None:
    earlier, said = desk.statement(model_digest=OTHER), desk.statement()
    moved = Signed(statement=said, signature=ssh.sign(message_of(earlier), desk.keys[EDSGER].key))
    keep(Journal(desk.target).store, moved)
    desk.record(EDSGER, moved)
    desk.refused("it does not hold")


def test_a_signature_made_for_another_purpose_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said = desk.statement()
    with monkeypatch.context() as patch:
        patch.setattr(ssh, "NAMESPACE", "git")
        commit = Signed(statement=said, signature=ssh.sign(message_of(said), desk.keys[EDSGER].key))
    keep(Journal(desk.target).store, commit)
    desk.record(EDSGER, commit)
    desk.refused("namespace does not match")


def test_a_key_that_was_withdrawn_before_the_approval_is_refused(desk: Desk) -> None:
    desk.give(EDSGER)
    edit_yaml(
        desk.keys[EDSGER].key.with_name("people.yaml"),
        lambda raw: raw["people"][EDSGER]["keys"][0].update(valid_before="2026-01-01T00:00:00Z"),
    )
    desk.refused("no allowed signer had at")


def test_a_statement_that_is_not_in_the_log_is_not_seen(desk: Desk) -> None:
    said = desk.statement()
    keep(
        Journal(desk.target).store, Signed(statement=said, signature=ssh.sign(message_of(said), desk.keys[EDSGER].key))
    )
    assert desk.count() == Tally((), (), ())


def test_a_statement_that_is_gone_or_replaced_is_refused(desk: Desk) -> None:
    given = desk.give(EDSGER)
    store = Path(Journal(desk.target).store.place) / "statements"
    (file,) = store.iterdir()
    whole = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(whole.replace(b'"approved"', b'"declined"'))
    desk.refused("was replaced by another")
    for damaged in (b"{}", b"[" * 100_000, b"Infinity"):
        file.write_bytes(damaged)
        desk.refused("is damaged")
    file.unlink()
    desk.refused(f"statement {given[:19]} is missing")


def test_an_entry_of_the_log_that_was_altered_stops_the_count(desk: Desk) -> None:
    desk.give(EDSGER)
    place = Path(Journal(desk.target).store.place)
    (file,) = (place / "entries").rglob("*0000000000")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes().replace(b'"approved"', b'"declined"'))
    with pytest.raises(TamperedError, match=r"Entry 0 in .* was altered"):
        desk.count()


def test_who_declined_stops_it_until_they_agree(desk: Desk) -> None:
    desk.give(EDSGER, decision="declined", reason="recall fell in one hospital")
    tally = desk.count(requester=None, trainer=MALLORY)
    assert [one.person.email for one in tally.declined] == [EDSGER]
    desk.give(ALAN)
    tally = desk.count(trainer=MALLORY)
    assert [one.person.email for one in tally.counted] == [ALAN]
    assert [one.person.email for one in tally.declined] == [EDSGER], "another's yes does not outweigh it"
    desk.give(EDSGER)
    assert desk.count(trainer=MALLORY).declined == ()


def test_a_decline_of_earlier_evidence_is_about_that(desk: Desk) -> None:
    desk.give(EDSGER, decision="declined", evidence_digest=OTHER, reason="too few rows")
    given = desk.give(EDSGER)
    assert [one.digest for one in desk.count().counted] == [given]
    assert desk.count().declined == ()


def test_breaking_the_glass_takes_two_people_who_did_not_train_it(desk: Desk) -> None:
    emergency: dict[str, Any] = {"break_glass": True, "reason": "the version in use fails for everybody"}
    desk.give(EDSGER, **emergency)
    desk.give(EDSGER, **emergency)
    with pytest.raises(PromotionRefusedError, match=r"2 people with the role sign, and 1 did.*BREAK_GLASS=1"):
        require_two(desk.request, desk.count(break_glass=True))
    desk.give(ALAN, **emergency)
    with pytest.raises(PromotionRefusedError, match=r"1 did.*they trained it"):
        require_two(desk.request, desk.count(break_glass=True))
    desk.give(GRACE, **emergency)
    signed = require_two(desk.request, desk.count(break_glass=True))
    assert {one.person.email for one in signed} == {EDSGER, GRACE}, "who asks may be one of the two"
    assert desk.count().counted == (), "an emergency signature is no approval"
    desk.give(EDSGER)
    assert len(desk.count(break_glass=True).counted) == 2, "and an approval is no emergency signature"


def test_a_statement_names_nobody(desk: Desk) -> None:
    assert b"@" not in message_of(desk.statement())
    with pytest.raises(ValidationError):
        desk.statement(decision="maybe")

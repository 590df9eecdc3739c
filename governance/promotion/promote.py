"""Promotion from environment to environment.

A version enters ``staging`` when what its training run recorded clears staging's limits, and ``production`` when it is
in staging, was validated there by a governed run, clears production's limits, and enough people who neither trained it
nor ask for it signed that they agree. The Model Control Plane's stages say what is where; the audit log says who did
what, and is written before the stage is: if it cannot be, the stage does not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from governance.audit.events import Promotion as PromotionEvent
from governance.errors import Refused
from governance.exclusive import alone
from governance.gates.result import GateFailed
from governance.journal import Journal, NotRecorded, digest, without_people
from governance.promotion.approvals import Given, Tally, count_approvals
from governance.promotion.break_glass import alert, record_broken_glass, require_two
from governance.promotion.case import Case, candidate_of, environment_before, examine
from governance.promotion.overrides import overrides_for
from governance.promotion.people import Requester, who_asks, who_trained
from governance.promotion.settling import Promotion, PromotionRefused, new_attempt, require_first, settle
from governance.releases import digest_of, ensure_release, require_signed
from governance.roles import people_who_approve
from governance.signing.people import Person, people_of
from governance.signing.signatories import Signatory
from governance.target import Target
from governance.versions import STAGES, number, restore_stages, staged_version

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


class ApprovalDue(PromotionRefused):
    """Everything is there but people's approvals; the message says whose and how they give them."""


@dataclass(frozen=True)
class _Decision:
    """That a case may go ahead, and by whose word."""

    case: Case
    approvals: tuple[Given, ...]
    broken_glass: tuple[Given, ...] = ()
    approvals_missing: bool = False

    @property
    def statements(self) -> tuple[str, ...]:
        """Digests of the statements it rests on."""
        return tuple(one.digest for one in (*self.approvals, *self.broken_glass))


def promote(
    target: Target,
    *,
    version: str | None = None,
    requested_by: Signatory | None = None,
    break_glass: bool = False,
    dry_run: bool = False,
) -> Promotion:
    """Bring a model version into ``target``'s environment.

    Args:
        target: The model and the environment it is to enter.
        version: Version number; by default the one that is in the environment before.
        requested_by: Who asks, to be established by their signature; by default whoever runs this process.
        break_glass: Go past gates that say no and missing approvals, by the emergency signatures that were given.
        dry_run: Check everything and change nothing; ``requested_by`` is then taken at their word.

    Raises:
        ApprovalDue: only approvals are missing.
        PromotionRefused: a precondition is missing.
        AnotherIsAtWork: another promotion is going on.
        GateFailed, EvidenceRefused: the evidence misses a limit of ``target``'s environment, or does not count.
        ReleaseError: the model's files are not those that training recorded.
        SigningError: the model is unsigned or not what was signed, or ``requested_by`` cannot sign.
        NotRecorded: the audit log cannot be written; the stage is as it was.
    """
    source = environment_before(target)
    if dry_run:
        candidate = candidate_of(target, source, version)
        facts = _Facts.of(target, candidate)
        requester = facts.requester(target, requested_by, dry_run=True)
        decision = _decide(
            target, source, candidate, requester, Journal(target, requester.identity), break_glass=break_glass
        )
        require_signed(candidate, target)
        return _promotion(decision, number(staged_version(target)))
    with alone(target):
        note, finished = settle(target, Journal(target))
        if finished is not None and version in (None, finished.version):
            return finished
        candidate = candidate_of(target, source, version)
        facts = _Facts.of(target, candidate)
        requester = facts.requester(target, requested_by)
        steps = _Steps(target, Journal(target, requester.identity), facts)
        return _promote(target, source, candidate, requester, steps, note, break_glass=break_glass)


@dataclass(frozen=True)
class _Facts:
    """What every event of one promotion says."""

    promotion: str
    version: str
    model_digest: str
    from_stage: str
    to_stage: str
    replaces: str | None

    @classmethod
    def of(cls, target: Target, candidate: ModelVersionResponse) -> _Facts:
        return cls(
            promotion=new_attempt(),
            version=str(candidate.number),
            model_digest=digest(digest_of(candidate)),
            from_stage=candidate.stage or "none",
            to_stage=target.environment.environment,
            replaces=number(staged_version(target)),
        )

    def requester(self, target: Target, by: Signatory | None, *, dry_run: bool = False) -> Requester:
        return who_asks(
            target, by, promotion=self.promotion, version=self.version, model_digest=self.model_digest, dry_run=dry_run
        )


@dataclass
class _Steps:
    """Writes the steps of one promotion, each with what is known so far."""

    target: Target
    journal: Journal
    facts: _Facts
    known: dict[str, object] = field(default_factory=dict)

    def write(self, step: str, **more: object) -> None:
        self.journal.write(
            self.journal.event(
                PromotionEvent,
                step=step,
                promotion=self.facts.promotion,
                model_version=self.facts.version,
                model_digest=self.facts.model_digest,
                from_stage=self.facts.from_stage,
                to_stage=self.facts.to_stage,
                replaces=self.facts.replaces,
                **{**self.known, **more},
            )
        )


def _promote(
    target: Target,
    source: Target,
    candidate: ModelVersionResponse,
    requester: Requester,
    steps: _Steps,
    note: str,
    *,
    break_glass: bool,
) -> Promotion:
    current = staged_version(target)
    steps.write("requested", evidence={"request": requester.statement} if requester.statement else {})
    try:
        require_first(steps.journal, target, steps.facts.promotion)
        decision = _decide(target, source, candidate, requester, steps.journal, break_glass=break_glass)
        require_signed(candidate, target)
    except NotRecorded:
        raise
    except Refused as refusal:
        steps.write("refused", reason=without_people(str(refusal)))
        raise
    case = decision.case
    steps.known = {"policy_version": case.policy, "evidence": case.evidence, "run": case.run}
    steps.write("gates")
    steps.known["approvals"] = decision.statements
    if decision.broken_glass:
        record_broken_glass(case, steps.journal, decision.broken_glass, approvals_missing=decision.approvals_missing)
    steps.write("approved")
    alarm = alert(case, decision.broken_glass) if decision.broken_glass else ""
    release = ensure_release(candidate, target)
    # Written ahead: whoever finds this without "completed" knows that the stage may have been set.
    steps.write("stage_set")
    require_first(steps.journal, target, steps.facts.promotion)
    candidate.set_stage(STAGES[target.environment.environment], force=True)
    try:
        steps.write("completed")
    except NotRecorded:
        restore_stages(candidate, steps.facts.from_stage, current, target)
        raise
    made = _promotion(decision, number(current))
    return Promotion(made.version, made.previous, made.results, release, made.approvers, note, alarm)


def _decide(
    target: Target,
    source: Target,
    candidate: ModelVersionResponse,
    requester: Requester,
    journal: Journal,
    *,
    break_glass: bool,
) -> _Decision:
    """That the evidence and the people let ``candidate`` pass.

    Raises:
        PromotionRefused, GateFailed: they do not.
    """
    case = examine(target, source, candidate, overrides_for(target, candidate, requester.person))
    needed = target.environment.approvals
    if not break_glass and case.unsettled:
        raise GateFailed(case.unsettled[0])
    if not needed and not case.unsettled:
        return _Decision(case, ())
    people = people_of(target)
    trainer = who_trained(target, people, journal, candidate)
    tally = _count(case, journal, requester, trainer, break_glass=False)
    enough = len(tally.counted) >= needed and not tally.declined
    if enough and not case.unsettled:
        return _Decision(case, tally.counted[:needed])
    if not break_glass:
        raise _too_few(case, requester, trainer, tally)
    emergency = require_two(case, _count(case, journal, requester, trainer, break_glass=True))
    return _Decision(case, tally.counted[:needed] if enough else (), emergency, approvals_missing=not enough)


def _count(case: Case, journal: Journal, requester: Requester, trainer: Person, *, break_glass: bool) -> Tally:
    return count_approvals(
        case,
        journal.log,
        journal.store,
        journal.subjects,
        people_of(case.target),
        requester=requester.person,
        trainer=trainer,
        break_glass=break_glass,
    )


def _too_few(case: Case, requester: Requester, trainer: Person, tally: Tally) -> PromotionRefused:
    target, needed = case.target, case.target.environment.approvals
    why = f" Not counted: {'; '.join(tally.rejected)}." if tally.rejected else ""
    if tally.declined:
        said = "; ".join(f"{one.person.email}: {one.statement.reason}" for one in tally.declined)
        return PromotionRefused(f"Version {case.version} of {target.model} was declined for {target.where}: {said}.")
    apart = {*trainer.emails, *(requester.person.emails if requester.person else ())}
    others = [person for person in people_who_approve(target) if person not in apart]
    return ApprovalDue(
        f"{target.where} needs {needed} approval(s) by somebody other than {requester.name}, who asks, and "
        f"{trainer.email}, who trained it, and has {len(tally.counted)}.{why} People who may: "
        f"{', '.join(others) or 'nobody'}. They run: make approve MODEL={target.model} "
        f"TO={target.environment.environment} VERSION={case.version} AS=<e-mail>"
    )


def _promotion(decision: _Decision, previous: str | None) -> Promotion:
    case = decision.case
    approvers = tuple(one.person.email for one in (*decision.approvals, *decision.broken_glass))
    return Promotion(case.version, previous, case.results, None, approvers)

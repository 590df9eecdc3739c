"""Promotion from environment to environment.

A version enters ``staging`` when what its training run recorded clears staging's limits, and ``production`` when it is
in staging, was validated there by a governed run, clears production's limits, and enough people who neither trained it
nor ask for it signed that they agree. The Model Control Plane's stages say what is where; the audit log says who did
what, and is written before the stage is: if it cannot be, the stage does not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from governance.approvals.approve import Given, Tally, count_approvals
from governance.approvals.break_glass import alert, record_broken_glass, require_two
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.overrides import overrides_for
from governance.approvals.people import Requester, who_asks, who_trained
from governance.approvals.request import PromotionRequest, candidate_of, collect_evidence, environment_before
from governance.audit.events import Promotion as PromotionEvent
from governance.core.digests import digest
from governance.core.errors import RefusedError
from governance.core.roles import people_who_approve
from governance.core.stacks import require_stack
from governance.core.target import Target
from governance.gates.result import GateFailedError
from governance.promotion.lock import promotion_lock
from governance.promotion.recovery import Promotion, is_completed, new_promotion_id, recover, require_first
from governance.records.journal import Journal, NotRecordedError, without_people
from governance.registry.releases import digest_of, ensure_release, require_signed
from governance.registry.versions import STAGES, number, restore_stages, staged_version
from governance.runs.schedules import follow_stage_or_say
from governance.signing.people import Person, people_of
from governance.signing.signatories import Signatory

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


class ApprovalDueError(PromotionRefusedError):
    """Everything is there but people's approvals; the message says whose and how they give them."""


@dataclass(frozen=True)
class _Decision:
    """That a request may go ahead, and by whose word."""

    request: PromotionRequest
    approvals: tuple[Given, ...]
    broken_glass: tuple[Given, ...] = ()
    approvals_missing: bool = False

    @property
    def statements(self) -> tuple[str, ...]:
        """Digests of the statements it rests on."""
        return tuple(approval.digest for approval in (*self.approvals, *self.broken_glass))


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
        ApprovalDueError: only approvals are missing.
        SettingsNotAppliedError: the settings at hand are not those that were applied to the environment.
        PromotionRefusedError: a precondition is missing.
        PromotionInProgressError: another promotion is going on.
        CommitUnknownError, UncommittedError: no commit describes what promotes.
        GateFailedError: the evidence misses a limit of ``target``'s environment.
        EvidenceRefusedError: it does not count.
        ReleaseError: the model's files are not those that training recorded.
        SigningError: the model is unsigned or not what was signed, or ``requested_by`` cannot sign.
        NotRecordedError: the audit log cannot be written; the stage is as it was.
        StackMissingError: ``target``'s stack, into whose store the release is copied, is not registered.
    """
    source = environment_before(target)
    Journal(target).require_origin()
    if dry_run:
        candidate = candidate_of(target, source, version)
        facts = _Facts.of(target, candidate)
        requester = facts.requester(target, requested_by, dry_run=True)
        decision = _decide(
            target, source, candidate, requester, Journal(target, requester.identity), break_glass=break_glass
        )
        require_signed(candidate, target)
        require_stack(target.stack)
        return _promotion(decision, number(staged_version(target)))
    with promotion_lock(target):
        note, finished = recover(target, Journal(target))
        if finished is not None and version in (None, finished.version):
            return finished
        candidate = candidate_of(target, source, version)
        facts = _Facts.of(target, candidate)
        requester = facts.requester(target, requested_by)
        steps = _Steps(target, Journal(target, requester.identity), facts)
        done = _promote(target, source, candidate, requester, steps, note, break_glass=break_glass)
        follow_stage_or_say(target)
        return done


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
            promotion=new_promotion_id(),
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
    except NotRecordedError:
        raise
    except RefusedError as refusal:
        steps.write("refused", reason=without_people(str(refusal)))
        raise
    request = decision.request
    steps.known = {"policy_version": request.policy, "evidence": request.evidence, "run": request.run}
    steps.write("gates")
    steps.known["approvals"] = decision.statements
    if decision.broken_glass:
        record_broken_glass(request, steps.journal, decision.broken_glass, approvals_missing=decision.approvals_missing)
    steps.write("approved")
    alarm = alert(request, decision.broken_glass) if decision.broken_glass else ""
    release = ensure_release(candidate, target)
    # Written ahead: whoever finds this without "completed" knows that the stage may have been set.
    steps.write("stage_set")
    require_first(steps.journal, target, steps.facts.promotion)
    candidate.set_stage(STAGES[target.environment.environment], force=True)
    try:
        steps.write("completed")
    except NotRecordedError:
        if not is_completed(target, steps.facts.promotion):
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
    """Decide that the evidence and the people let ``candidate`` pass.

    Raises:
        PromotionRefusedError, GateFailedError: they do not.
    """
    request = collect_evidence(target, source, candidate, overrides_for(target, candidate, requester.person))
    needed = target.environment.approvals
    if not break_glass and request.unsettled:
        raise GateFailedError(request.unsettled[0])
    if not needed and not request.unsettled:
        return _Decision(request, ())
    people = people_of(target)
    trainer = who_trained(target, people, journal, candidate)
    tally = _count(request, journal, requester, trainer, break_glass=False)
    enough = len(tally.counted) >= needed and not tally.declined
    if enough and not request.unsettled:
        return _Decision(request, tally.counted[:needed])
    if not break_glass:
        raise _too_few(request, requester, trainer, tally)
    emergency = require_two(request, _count(request, journal, requester, trainer, break_glass=True))
    return _Decision(request, tally.counted[:needed] if enough else (), emergency, approvals_missing=not enough)


def _count(
    request: PromotionRequest, journal: Journal, requester: Requester, trainer: Person, *, break_glass: bool
) -> Tally:
    return count_approvals(
        request,
        journal.log,
        journal.store,
        journal.subjects,
        people_of(request.target),
        requester=requester.person,
        trainer=trainer,
        break_glass=break_glass,
    )


def _too_few(request: PromotionRequest, requester: Requester, trainer: Person, tally: Tally) -> PromotionRefusedError:
    target, needed = request.target, request.target.environment.approvals
    why = f" Not counted: {'; '.join(tally.rejected)}." if tally.rejected else ""
    if tally.declined:
        said = "; ".join(f"{declined.person.email}: {declined.statement.reason}" for declined in tally.declined)
        return PromotionRefusedError(
            f"Version {request.version} of {target.model} was declined for {target.where}: {said}."
        )
    apart = {*trainer.emails, *(requester.person.emails if requester.person else ())}
    others = [person for person in people_who_approve(target) if person not in apart]
    return ApprovalDueError(
        f"{target.where} needs {needed} approval(s) by somebody other than {requester.name}, who asks, and "
        f"{trainer.email}, who trained it, and has {len(tally.counted)}.{why} People who may: "
        f"{', '.join(others) or 'nobody'}. They run: make approve MODEL={target.model} "
        f"TO={target.environment.environment} VERSION={request.version} AS=<e-mail>"
    )


def _promotion(decision: _Decision, previous: str | None) -> Promotion:
    request = decision.request
    approvers = tuple(approval.person.email for approval in (*decision.approvals, *decision.broken_glass))
    return Promotion(request.version, previous, request.results, None, approvers)

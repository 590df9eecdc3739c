"""Approvals: signed beforehand by people with the role, and counted when the version is promoted.

An approval counts for one promotion of one model digest into one environment, on the evidence and under the policy that
its signer saw, for as long as it says. It never counts if its signer trained the model or asks for the promotion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from governance.approvals.comparison import Comparison, compare_with_champion
from governance.approvals.errors import PromotionRefusedError
from governance.approvals.expiry import hours_within
from governance.approvals.overrides import overrides_for
from governance.approvals.people import who_trained
from governance.approvals.request import PromotionRequest, candidate_of, collect_evidence, environment_before
from governance.approvals.wording import approval_text
from governance.audit import Filter, LogReader, select
from governance.audit.entry import Entry
from governance.audit.events import Approval
from governance.audit.events import Promotion as PromotionEvent
from governance.audit.events import Rollback as RollbackEvent
from governance.audit.store import Readable
from governance.audit.subjects import Subjects
from governance.core import clock
from governance.core.roles import people_who_approve, role_of
from governance.core.target import Target
from governance.gates.result import GateFailedError
from governance.records.journal import Journal
from governance.signing.errors import SigningError
from governance.signing.people import People, Person, identity_of, people_of
from governance.signing.signatories import Signatory
from governance.signing.statements import ApprovalStatement, keep, read, sign_statement

_SAID = 5
"""Approvals that do not count, of which a refusal says why: the newest."""


@dataclass(frozen=True)
class Given:
    """An approval that was given, or declined."""

    request: PromotionRequest
    person: Person
    statement: ApprovalStatement
    digest: str
    comparison: Comparison | None = None
    """How the version differs from the one in use, as whoever signed was shown it."""


@dataclass(frozen=True)
class Tally:
    """The approvals of one request."""

    counted: tuple[Given, ...]
    declined: tuple[Given, ...]
    rejected: tuple[str, ...]
    """Why others do not count, in words."""


def approve(
    target: Target,
    by: Signatory,
    *,
    version: str | None = None,
    decline: bool = False,
    reason: str | None = None,
    hours: int | None = None,
    break_glass: bool = False,
    dry_run: bool = False,
) -> Given:
    """Sign and record that ``by`` agrees, or not, that a version enters ``target``'s environment.

    Args:
        target: the model and the environment it is to enter.
        by: who approves. Their key signs.
        version: version number; by default the one that is in the environment before.
        decline: say no.
        reason: why; needed to decline and to break the glass.
        hours: how long it holds, at most and by default as long as the environment says.
        break_glass: agree although a gate says no: see ``break_glass.py``.
        dry_run: check everything, sign and write nothing.

    Raises:
        PromotionRefusedError: they may not approve, or there is nothing to approve.
        SettingsNotAppliedError: the settings at hand are not those that were applied to the environment.
        GateFailedError: the evidence falls short, so there is nothing to agree to.
        SigningError: the key does not sign, or is not theirs.
        NotRecordedError: the log cannot be written; the approval does not count.
    """
    source, people = environment_before(target), people_of(target)
    Journal(target).require_origin()
    candidate = candidate_of(target, source, version)
    request = collect_evidence(target, source, candidate, overrides_for(target, candidate))
    role = _require_role(target, by.email)
    trainer = who_trained(target, people, Journal(target), candidate)
    if by.email in trainer.emails:
        raise PromotionRefusedError(f"{by.email} trained version {request.version}, so somebody else has to judge it.")
    if (decline or break_glass) and not reason:
        raise PromotionRefusedError(f"To {'decline' if decline else 'break the glass'}, give REASON=<why>.")
    if request.unsettled and not (decline or break_glass):
        raise GateFailedError(request.unsettled[0])
    limits = target.environment.signatures
    statement = ApprovalStatement(
        environment=target.environment.environment,
        cloud=target.cloud,
        model=target.model,
        model_version=request.version,
        model_digest=request.model_digest,
        evidence_digest=request.evidence_digest,
        policy_version=request.policy,
        decision="declined" if decline else "approved",
        break_glass=break_glass,
        reason=reason,
        expires=clock.now() + hours_within(hours, limits.break_glass_hours if break_glass else limits.approval_hours),
    )
    comparison = compare_with_champion(request)
    if dry_run:
        person = people.named(by.email)
        if person is None:
            raise PromotionRefusedError(f"{by.email} is nobody in {people.where}; a reviewed change adds people there.")
        return Given(request, person, statement, "", comparison)
    shown = approval_text(request, statement, trainer, comparison)
    signed, person = sign_statement(statement, by, people, clock.now(), shown=shown)
    if person == trainer:
        raise PromotionRefusedError(f"{by.email} trained version {request.version}, so somebody else has to judge it.")
    journal = Journal(target, identity_of(person))
    event = journal.event(
        Approval,
        model_version=request.version,
        model_digest=request.model_digest,
        evidence_digest=request.evidence_digest,
        policy_version=request.policy,
        decision=statement.decision,
        role=role,
        statement_digest=signed.digest,
        expires=statement.expires,
        reason=reason,
        break_glass=break_glass,
    )
    keep(journal.store, signed)  # first: an entry must never name a statement that is not there
    journal.write(event)
    return Given(request, person, statement, signed.digest, comparison)


def count_approvals(
    request: PromotionRequest,
    log: LogReader,
    store: Readable,
    subjects: Subjects,
    people: People,
    *,
    requester: Person | None,
    trainer: Person,
    break_glass: bool = False,
) -> Tally:
    """Return the approvals for ``request`` that count now, at most one a person, and why others do not.

    Of somebody who gave several for this evidence the newest holds, so a decision can be taken back.

    Raises:
        AuditError: the log or its store cannot be read.
    """
    entries = list(select(log, Filter(model=request.target.model)))
    closed = _closed_by(entries)
    latest: dict[Person, Given] = {}
    rejected: list[str] = []
    for entry in entries:
        event = entry.event
        if not isinstance(event, Approval) or event.break_glass != break_glass:
            continue
        if event.decision == "approved" and (why := closed.get(entry.sequence)):
            rejected.append(f"one of {entry.recorded:%Y-%m-%d %H:%M} UTC was closed by {why}")
            continue
        try:
            given = _checked(request, entry, event, store, people, subjects)
        except SigningError as error:
            rejected.append(f"one of {entry.recorded:%Y-%m-%d %H:%M} UTC: {error}")
            continue
        elsewhere = _about_something_else(given.statement, request)
        if elsewhere:
            rejected.append(f"{given.person.email}'s {elsewhere}")
        else:
            latest[given.person] = given
    counted, declined = [], []
    for person, given in latest.items():
        why = _why_not(given, request, requester=None if break_glass else requester, trainer=trainer)
        if why:
            rejected.append(f"{person.email}'s {why}")
        elif given.statement.decision == "declined":
            declined.append(given)
        else:
            counted.append(given)
    return Tally(tuple(counted), tuple(declined), tuple(rejected[-_SAID:]))


def _closed_by(entries: Iterable[Entry]) -> dict[int, str]:
    """Return approvals that no longer count, by sequence number, and what closed them.

    An approval is for one way into the environment: a promotion or a rollback that was completed there afterwards, or
    somebody's no to the same version, ends it, whichever version it was for.
    """
    open_approvals: dict[int, str] = {}
    closed: dict[int, str] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, Approval) and event.decision == "approved":
            open_approvals[entry.sequence] = event.model_version
            continue
        if isinstance(event, PromotionEvent | RollbackEvent) and event.step == "completed":
            if isinstance(event, RollbackEvent) and event.drill:
                continue  # it leaves all as it was
            ended, why = list(open_approvals), f"a {event.kind} completed since"
        elif isinstance(event, Approval):
            ended = [number for number, version in open_approvals.items() if version == event.model_version]
            why = "a refusal since"
        else:
            continue
        for number in ended:
            closed[number] = why
            del open_approvals[number]
    return closed


def _checked(
    request: PromotionRequest, entry: Entry, event: Approval, store: Readable, people: People, subjects: Subjects
) -> Given:
    """Return the approval that ``event`` records: signed, by whom the log says, when the log says."""
    signed = read(store, event.statement_digest)
    person = signed.signer(people, entry.recorded)
    if not isinstance(signed.statement, ApprovalStatement):
        raise SigningError("what was signed is no approval")
    if not person.is_known_as(event.actor.id, subjects):
        raise SigningError(f"it was signed by {person.email} and recorded in another name")
    return Given(request, person, signed.statement, signed.digest)


def _about_something_else(statement: ApprovalStatement, request: PromotionRequest) -> str:
    """Return what else an approval is about; empty if it is about ``request``."""
    target = request.target
    if (statement.environment, statement.cloud) != (target.environment.environment, target.cloud):
        return f"is for {statement.environment} on {statement.cloud}"
    if statement.model != target.model or statement.model_digest != request.model_digest:
        return f"is for version {statement.model_version} of {statement.model}, another model"
    if statement.model_version != request.version:
        return f"is for version {statement.model_version}, another training of the same files"
    if statement.evidence_digest != request.evidence_digest:
        return "is for other evidence: the version was validated again since"
    if statement.policy_version != request.policy:
        return f"was given under {statement.policy_version}, and {request.policy} is in force"
    return ""


def _why_not(given: Given, request: PromotionRequest, *, requester: Person | None, trainer: Person) -> str:
    """Return why an approval of ``request`` does not count; empty if it does."""
    # A no stands until the same person says otherwise: waiting does not make it a yes.
    if clock.now() >= given.statement.expires and given.statement.decision == "approved":
        return f"expired at {given.statement.expires:%Y-%m-%d %H:%M} UTC"
    if not set(given.person.emails) & set(people_who_approve(request.target)):
        return "does not count: they hold no role that may approve"
    if given.person == trainer:
        return "does not count: they trained it"
    if given.person == requester and given.statement.decision == "approved":
        return "does not count: they ask for the promotion themselves"
    return ""


def _require_role(target: Target, email: str) -> str:
    allowed = people_who_approve(target)
    if email not in allowed:
        raise PromotionRefusedError(
            f"{email} may not approve {target.where}; people who may: {', '.join(allowed) or 'nobody'}."
        )
    return role_of(target, email)

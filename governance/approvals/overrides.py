"""Overrides: a gate that cannot conclude is set aside, signed, for a reason and a time.

A gate that says no is never set aside by one; that takes breaking the glass at promotion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.approvals.errors import PromotionRefusedError
from governance.approvals.expiry import hours_within
from governance.approvals.people import who_trained
from governance.approvals.wording import override_text
from governance.audit import Filter, select
from governance.audit.entry import Entry
from governance.audit.events import Override as OverrideEvent
from governance.core import clock
from governance.core.digests import digest
from governance.core.policy import policy_version
from governance.core.roles import people_who_approve
from governance.core.target import Target
from governance.gates.catalogue import OVERRIDABLE
from governance.gates.exemptions import Exemption
from governance.gates.record import as_reference
from governance.records.journal import Journal
from governance.registry.releases import digest_of
from governance.registry.versions import named_version
from governance.signing.errors import SigningError
from governance.signing.people import Person, identity_of, people_of
from governance.signing.signatories import Signatory, person_at_work
from governance.signing.statements import OverrideStatement, keep, read, sign_statement

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


@dataclass(frozen=True)
class Override:
    """An override in force, and who gave it."""

    exemption: Exemption
    person: Person
    statement: OverrideStatement


def override(
    target: Target,
    by: Signatory,
    *,
    gate: str,
    reason: str,
    subject: str | None = None,
    version: str | None = None,
    hours: int | None = None,
    dry_run: bool = False,
) -> Override:
    """Sign and record that ``gate`` may be passed in ``target``'s environment though it cannot conclude.

    Args:
        target: the model and environment.
        by: who takes this on themself. Their key signs.
        gate: the gate's name.
        reason: why, for the record.
        subject: one check of the gate, such as a metric or a group; by default all of them.
        version: the one version it is for; by default any.
        hours: how long it holds, at most and by default as long as the environment says.
        dry_run: check everything, sign and write nothing.

    Raises:
        PromotionRefusedError: they hold no role for it, trained the version, or it would hold too long.
        SettingsNotAppliedError: the settings at hand are not those that were applied to the environment.
        SigningError: the key does not sign, or is not theirs.
        NotRecordedError: the log cannot be written; the override does not hold.
    """
    Journal(target).require_origin()
    allowed = people_who_approve(target)
    if by.email not in allowed:
        raise PromotionRefusedError(
            f"{by.email} may not override a gate for {target.where}; people who may: {', '.join(allowed) or 'nobody'}."
        )
    if gate not in OVERRIDABLE:
        raise PromotionRefusedError(f"There is no gate {gate!r}; choose one of: {', '.join(OVERRIDABLE)}.")
    people, model_digest = people_of(target), None
    if version is not None:
        candidate = named_version(target, version)
        if by.email in who_trained(target, people, Journal(target), candidate).emails:
            raise PromotionRefusedError(
                f"{by.email} trained version {version}, so somebody else has to override for it."
            )
        version, model_digest = str(candidate.number), digest(digest_of(candidate))
    statement = OverrideStatement(
        environment=target.environment.environment,
        cloud=target.cloud,
        model=target.model,
        policy_version=policy_version(target),
        gate=gate,
        subject=subject,
        model_version=version,
        model_digest=model_digest,
        reason=reason,
        expires=clock.now() + hours_within(hours, target.environment.signatures.override_hours),
    )
    if dry_run:
        person = people.named(by.email)
        if person is None:
            raise PromotionRefusedError(f"{by.email} is nobody in {people.where}; a reviewed change adds people there.")
        return Override(_exemption(statement, "", version), person, statement)
    shown = override_text(statement, target, Journal(target), version)
    signed, person = sign_statement(statement, by, people, clock.now(), shown=shown)
    journal = Journal(target, identity_of(person))
    event = journal.event(
        OverrideEvent,
        gate=as_reference(gate),
        subject=None if subject is None else as_reference(subject),
        model_digest=model_digest,
        model_version=version,
        policy_version=statement.policy_version,
        reason=reason,
        expires=statement.expires,
        statement_digest=signed.digest,
        signers=(journal.actor,),
    )
    keep(journal.store, signed)  # first: an entry must never name a statement that is not there
    journal.write(event)
    return Override(_exemption(statement, signed.digest, version), person, statement)


def valid_overrides(
    target: Target, journal: Journal, *, not_by: tuple[Person, ...] | None = None
) -> tuple[Exemption, ...]:
    """Return the overrides that hold now for ``target``, as gates take them.

    Args:
        target: the model and environment.
        journal: the environment's log.
        not_by: people whose own overrides do not hold: whoever trained the model and whoever asks; by default the
            person who runs this.

    Raises:
        SigningError: the local root's own people cannot be understood.
        AuditError, NotRecordedError: the log cannot be read.
    """
    if not_by is None:
        here = person_at_work(target)
        not_by = () if here is None else (here,)
    return tuple(found.exemption for found in overrides_in_force(target, journal) if found.person not in not_by)


def overrides_for(target: Target, candidate: ModelVersionResponse, *others: Person | None) -> tuple[Exemption, ...]:
    """Return the overrides that hold for the promotion of ``candidate``: none by its trainer or by ``others``.

    Raises:
        PromotionRefusedError: there are some, and who trained it cannot be told.
    """
    journal = Journal(target)
    if not overrides_in_force(target, journal):
        return ()
    trainer = who_trained(target, people_of(target), journal, candidate)
    return valid_overrides(target, journal, not_by=(trainer, *(person for person in others if person is not None)))


def overrides_in_force(target: Target, journal: Journal) -> tuple[Override, ...]:
    """Return every override that is signed by one who has the role now, unexpired and given under this policy."""
    people = people_of(target)
    found, allowed, policy = [], set(people_who_approve(target)), policy_version(target)
    for entry, event in _overrides(journal, target):
        try:
            signed = read(journal.store, event.statement_digest)
            person = signed.signer(people, entry.recorded)
        except SigningError:
            continue  # it does not hold; what is missing is said by whoever needed it
        statement = signed.statement
        if (
            isinstance(statement, OverrideStatement)
            and (statement.environment, statement.cloud) == (target.environment.environment, target.cloud)
            and statement.model == target.model
            and statement.model_version in (None, event.model_version)
            and statement.policy_version == policy
            and clock.now() < statement.expires
            and allowed & set(person.emails)
            and person.is_known_as(event.actor.id, journal.subjects)
        ):
            found.append(Override(_exemption(statement, signed.digest, event.model_version), person, statement))
    return tuple(found)


def _overrides(journal: Journal, target: Target) -> Iterator[tuple[Entry, OverrideEvent]]:
    for entry in select(journal.log, Filter(kind="override", model=target.model)):
        if isinstance(entry.event, OverrideEvent) and not entry.event.break_glass:
            yield entry, entry.event


def _exemption(statement: OverrideStatement, statement_digest: str, version: str | None) -> Exemption:
    return Exemption(
        gate=statement.gate,
        subject=statement.subject,
        model_version=version,
        model_digest=None if statement.model_digest is None else statement.model_digest.removeprefix("sha256:"),
        expires=statement.expires,
        statement_digest=statement_digest,
    )

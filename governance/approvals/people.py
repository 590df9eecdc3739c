"""Who asks for a promotion and who trained the model: established, not merely said.

Who asks signs the request with their SSH key (``AS=``, ``KEY=``), or is the actor whom GitHub vouches for in a CI job,
or the login of this process, each tied to a person by ``people.yaml`` (``governance/signing/people.py``). An e-mail
address on the command line alone names nobody: it must be that of the key that signs. Where no approval is needed
nobody has to be told apart, and an unknown login may ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.approvals.errors import PromotionRefusedError
from governance.approvals.expiry import LEASE
from governance.approvals.request import trainer_of
from governance.approvals.wording import request_text
from governance.audit.actor import Identity, current_identity
from governance.core import clock
from governance.core.policy import policy_version
from governance.core.target import Target
from governance.records.journal import Journal
from governance.signing.people import People, Person, identity_of, people_of, principal_of
from governance.signing.signatories import Signatory, person_at_work
from governance.signing.statements import RequestStatement, keep, sign_statement

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


@dataclass(frozen=True)
class Requester:
    """Who asks."""

    identity: Identity
    """For the log."""
    person: Person | None
    """Who that is among the declared people, if anybody."""
    statement: str | None = None
    """Digest of the signed request."""

    @property
    def name(self) -> str:
        """For messages."""
        return self.person.email if self.person is not None else self.identity.subject


def who_asks(
    target: Target, by: Signatory | None, *, promotion: str, version: str, model_digest: str, dry_run: bool = False
) -> Requester:
    """Establish who asks for ``promotion``.

    Raises:
        SigningError: ``by`` cannot sign, or the key is not theirs.
        PromotionRefusedError: nobody is established and the environment wants people told apart.
    """
    people = people_of(target)
    if by is None:
        requester = Requester(current_identity(), person_at_work(target))
        if requester.person is None and target.environment.approvals:
            raise PromotionRefusedError(
                f"Who asks is not established: {requester.identity.subject} ({requester.identity.source}) is nobody in "
                f"{people.where}. Sign the request with AS=<e-mail> [KEY=<ssh key>], or let a reviewed change add "
                f"`{principal_of(requester.identity)}` to your accounts there."
            )
        return requester
    if dry_run:
        person = people.named(by.email)
        if person is None:
            raise PromotionRefusedError(f"{by.email} is nobody in {people.where}; a reviewed change adds people there.")
        return Requester(identity_of(person), person)
    statement = RequestStatement(
        environment=target.environment.environment,
        cloud=target.cloud,
        model=target.model,
        policy_version=policy_version(target),
        promotion=promotion,
        model_version=version,
        model_digest=model_digest,
        expires=clock.now() + LEASE,
    )
    signed, person = sign_statement(statement, by, people, clock.now(), shown=request_text(statement))
    requester = Requester(identity_of(person), person, signed.digest)
    keep(Journal(target, requester.identity).store, signed)
    return requester


def who_trained(target: Target, people: People, journal: Journal, candidate: ModelVersionResponse) -> Person:
    """Return the person who trained ``candidate``.

    Raises:
        PromotionRefusedError: the log does not say, or whom it names is nobody who is declared.
    """
    actor = trainer_of(target, candidate)
    pseudonym = actor.id
    if target.cloud != "local" and actor.source == "ci-environment":
        raise PromotionRefusedError(
            f"Version {candidate.number} of {target.model} was trained by a CI job that could have set its own name. "
            "Give the job `permissions: id-token: write` and train again."
        )
    person = people.behind(pseudonym, journal.subjects)
    if person is None:
        here = current_identity()
        yours = (
            f" It is you: add `{principal_of(here)}` to your accounts there."
            if journal.subjects.known(here) == pseudonym
            else ""
        )
        raise PromotionRefusedError(
            f"Version {candidate.number} of {target.model} was trained by {pseudonym[:16]}…, who is nobody in "
            f"{people.where}, so it cannot be told whether they approve their own work.{yours} Or train it again as "
            "somebody who is there."
        )
    return person

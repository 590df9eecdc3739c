"""What people sign: statements, as canonical JSON, kept create-only beside the audit log.

A statement names nobody by e-mail address, as it cannot be erased: its signature holds the public key, and the allowed
signers say whose that is. The log names a statement by its digest, so one that was slipped into the store is not seen.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from environments.model import Cloud, EnvironmentName, ModelName
from environments.strict import StrictModel
from governance.audit.canonical import canonical
from governance.audit.events import Digest, Reference, Text, UtcTime
from governance.audit.layout import STATEMENTS
from governance.audit.store import Object, Readable, Store
from governance.core.digests import content_digest
from governance.signing.errors import SigningError
from governance.signing.people import People, Person
from governance.signing.signatories import Signatory
from governance.signing.ssh import sign


class _Statement(StrictModel):
    environment: EnvironmentName
    cloud: Cloud
    model: ModelName
    policy_version: Reference
    reason: Text | None = None
    expires: UtcTime
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] = Field(
        default_factory=lambda: secrets.token_hex(16), description="Makes every statement another one."
    )


class ApprovalStatement(_Statement):
    """I saw this evidence about this model and agree, or do not, that it enters the environment."""

    kind: Literal["approval"] = "approval"
    model_version: Reference
    model_digest: Digest
    evidence_digest: Digest
    decision: Literal["approved", "declined"]
    break_glass: bool = Field(default=False, description="It is an emergency: the evidence may fall short.")


class OverrideStatement(_Statement):
    """This gate may be passed though it cannot conclude, for this reason and so long."""

    kind: Literal["override"] = "override"
    gate: Text
    subject: Text | None = Field(default=None, description="One check of the gate; else all of them.")
    model_version: Reference | None = Field(default=None, description="The only version it holds for, else any.")
    model_digest: Digest | None = None
    reason: Text


class RequestStatement(_Statement):
    """I ask for this promotion."""

    kind: Literal["request"] = "request"
    promotion: Reference
    model_version: Reference
    model_digest: Digest


AnyStatement = Annotated[ApprovalStatement | OverrideStatement | RequestStatement, Field(discriminator="kind")]
_STATEMENT: TypeAdapter[AnyStatement] = TypeAdapter(AnyStatement)


class Signed(StrictModel):
    """A statement and somebody's signature over its canonical JSON."""

    statement: AnyStatement
    signature: Annotated[str, Field(pattern=r"^-----BEGIN SSH SIGNATURE-----\n", max_length=8000)]

    @property
    def message(self) -> bytes:
        """What is signed."""
        return message_of(self.statement)

    @property
    def digest(self) -> str:
        """The statement's name: SHA-256 over what is signed."""
        return content_digest(self.message)

    def signer(self, people: People, at: datetime) -> Person:
        """Return the person who signed, by a key that was theirs at ``at``.

        Raises:
            SigningError: the signature is nobody's, or does not hold.
        """
        return people.signer_of(self.message, self.signature, at)


def message_of(statement: AnyStatement) -> bytes:
    """Return the bytes that are signed: canonical JSON (RFC 8785) without what is unknown."""
    return canonical(statement.model_dump(mode="json", exclude_none=True))


def sign_statement(
    statement: AnyStatement, by: Signatory, people: People, at: datetime, *, shown: str
) -> tuple[Signed, Person]:
    """Sign ``statement`` as ``by``, who is shown first what it stands for, and return it with the person who signed.

    Raises:
        NotConfirmedError: having seen ``shown``, they do not want to.
        SigningError: the key does not sign, or is not known as that person's.
    """
    if by.confirm is not None:
        by.confirm(shown)
    signed = Signed(statement=statement, signature=sign(message_of(statement), by.key))
    try:
        person = signed.signer(people, at)
    except SigningError as error:
        raise SigningError(
            f"{by.key} is no key that {people.where} declares for signing here: {error}. "
            f"Add it to the keys of {by.email}, by a reviewed change."
        ) from error
    if by.email not in person.emails:
        raise SigningError(f"{by.key} is the key of {person.email}, not of {by.email}: sign under your own name.")
    return signed, person


def keep(store: Store, signed: Signed) -> None:
    """Put ``signed`` into ``store`` for good.

    Raises:
        StoreError: the store refused.
        SigningError: another statement has its place.
    """
    item = Object(_key(signed.digest), canonical(signed.model_dump(mode="json", exclude_none=True)))
    if not store.create_if_absent(item):
        raise SigningError(f"Statement {signed.digest} was signed before; sign a new one.")


def read(store: Readable, digest: str) -> Signed:
    """Read the statement called ``digest``.

    Raises:
        SigningError: it is missing, or what is there is another.
    """
    data = store.read(_key(digest))
    if data is None:
        raise SigningError(f"statement {digest[:19]} is missing from {store.place}")
    try:
        signed = Signed.model_validate(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise SigningError(f"statement {digest[:19]} in {store.place} is damaged") from error
    if signed.digest != digest:
        raise SigningError(f"statement {digest[:19]} in {store.place} was replaced by another")
    return signed


def _key(digest: str) -> str:
    return f"{STATEMENTS}{digest.removeprefix('sha256:')}.json"

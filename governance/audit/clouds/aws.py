"""AWS: the log in an S3 bucket with Object Lock, signed by an Ed25519 key of KMS.

Nobody, not even the account's root user, deletes a record early: retention is COMPLIANCE mode for the days of the
record's class, counted from writing. Creation is conditional (``If-None-Match: *``), so two writers cannot both get a
number. The key (key spec ``ECC_NIST_EDWARDS25519``) never leaves KMS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from governance.audit.clouds import AuditCloud
from governance.audit.errors import SignatureError, StoreError
from governance.audit.signer import Verifier, checked, raw_ed25519
from governance.audit.store import Object, Retention, check_key
from governance.core import clock

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from environments import Environment
    from environments.model import AwsCloud
    from environments.names import Names
    from governance.audit.location import Location

_Result = TypeVar("_Result")
_CONFLICTS = 5
"""Times that a write is repeated which met another one in flight (HTTP 409)."""
_LONGEST_MESSAGE = 4096
"""Bytes that KMS signs as they are; it would take a hash of more, which is another kind of signature."""


class S3Store:
    """Objects below ``prefix`` of a bucket that has Object Lock.

    Args:
        bucket: its name.
        retention: days that each class of record is locked; ``None`` locks nothing, for an anchor's bucket that has
            a default retention of its own.
        prefix: leads every key; empty or ending in a slash.
        legal_hold: whether new objects are put on legal hold as well.
        client: a boto3 S3 client; made from the environment by default (``AWS_ENDPOINT_URL`` is honoured).
    """

    def __init__(
        self,
        bucket: str,
        retention: Retention | None,
        *,
        prefix: str = "",
        legal_hold: bool = False,
        region: str | None = None,
        client: BaseClient | None = None,
    ) -> None:
        self._bucket = bucket
        self._retention = retention
        self._prefix = prefix
        self._legal_hold = legal_hold
        self._s3: Any = client if client is not None else service_client("s3", region)

    @property
    def place(self) -> str:
        """URL of the bucket and prefix."""
        return f"s3://{self._bucket}/{self._prefix}"

    def create_if_absent(self, item: Object) -> bool:
        """See :meth:`governance.audit.store.Store.create_if_absent`."""
        from botocore.exceptions import ClientError

        request: dict[str, Any] = {"Key": self._prefix + check_key(item.key), "Body": item.data, "IfNoneMatch": "*"}
        if self._retention is not None:
            until = clock.now() + timedelta(days=self._retention[item.record_class])
            request |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
        if self._legal_hold:
            request["ObjectLockLegalHoldStatus"] = "ON"
        for attempt in range(_CONFLICTS):
            try:
                self._call(lambda: self._s3.put_object(Bucket=self._bucket, **request), item.key)
            except StoreError as error:
                code = _code(error.__cause__) if isinstance(error.__cause__, ClientError) else ""
                if code == "ConditionalRequestConflict" and attempt + 1 < _CONFLICTS:
                    time.sleep(0.05 * 2**attempt)
                    continue
                if code == "PreconditionFailed":
                    return self.read(item.key) == item.data
                raise
            return True
        raise AssertionError("unreachable: the last attempt returns or raises")

    def create_in_order(self, items: Sequence[Object]) -> int:
        """See :meth:`governance.audit.store.Store.create_in_order`. One request after the other, so that no gap can
        be left between two numbers.
        """
        for held, item in enumerate(items):
            if not self.create_if_absent(item):
                return held
        return len(items)

    def read(self, key: str) -> bytes | None:
        """See :meth:`governance.audit.store.Readable.read`."""
        from botocore.exceptions import ClientError

        try:
            return self._call(
                lambda: bytes(self._s3.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()), key
            )
        except StoreError as error:
            if isinstance(error.__cause__, ClientError) and _code(error.__cause__) == "NoSuchKey":
                return None
            raise

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """See :meth:`governance.audit.store.Readable.list`."""
        request = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        if after:
            request["StartAfter"] = self._prefix + after
        pages = iter(self._s3.get_paginator("list_objects_v2").paginate(**request))
        while (page := self._call(lambda: next(pages, None), prefix)) is not None:
            for found in page.get("Contents", []):
                yield str(found["Key"]).removeprefix(self._prefix)

    def set_legal_hold(self, key: str, *, on: bool) -> None:
        """See :meth:`governance.audit.store.HoldsObjects.set_legal_hold`."""
        status = "ON" if on else "OFF"
        self._call(
            lambda: self._s3.put_object_legal_hold(
                Bucket=self._bucket, Key=self._prefix + key, LegalHold={"Status": status}
            ),
            key,
        )

    def _call(self, request: Callable[[], _Result], key: str) -> _Result:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return request()
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"{self.place}{key}: {error}") from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


class AwsKmsSigner:
    """A key of AWS KMS.

    Args:
        name: the log's name, under which it signs.
        key: id, ARN or alias (``alias/...``) of the key.
        region: of the key.
        client: a boto3 KMS client; made from the environment by default (``AWS_ENDPOINT_URL`` is honoured).

    Raises:
        SignatureError: the key cannot be used, or is of another kind.
    """

    def __init__(self, name: str, key: str, *, region: str | None = None, client: BaseClient | None = None) -> None:
        self._key = key
        self._kms: Any = client if client is not None else service_client("kms", region)
        found = self._call("get_public_key", KeyId=key)
        if found.get("KeySpec") != "ECC_NIST_EDWARDS25519" or found.get("KeyUsage") != "SIGN_VERIFY":
            raise SignatureError(
                f"The key {key} of AWS KMS is {found.get('KeySpec')} for {found.get('KeyUsage')}; the log signs with "
                "ECC_NIST_EDWARDS25519 for SIGN_VERIFY."
            )
        self._verifier = Verifier(name, raw_ed25519(found["PublicKey"], f"the key {key} of AWS KMS"))

    @property
    def verifier(self) -> Verifier:
        """The public key."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """See :meth:`governance.audit.signer.Signer.sign`.

        Raises:
            SignatureError: KMS refused or did not answer, or what it gave is no signature over ``message``.
        """
        if len(message) > _LONGEST_MESSAGE:
            raise SignatureError(
                f"AWS KMS signs at most {_LONGEST_MESSAGE} bytes, and {len(message)} were to be signed."
            )
        answer = self._call(
            "sign", KeyId=self._key, Message=message, MessageType="RAW", SigningAlgorithm="ED25519_SHA_512"
        )
        return checked(self._verifier, bytes(answer["Signature"]), message)

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._kms, operation)(**request)
        except (BotoCoreError, ClientError) as error:
            raise SignatureError(f"AWS KMS, key {self._key}: {error}") from error
        return answer


def service_client(service: str, region: str | None, endpoint: str | None = None) -> BaseClient:
    """Return a client of ``service`` that gives up within seconds; of a store of one's own at ``endpoint``."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=20)
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=config)


class AwsAudit(AuditCloud):
    """S3 and KMS."""

    scheme = "s3"

    def store(self, where: Location, names: Names) -> S3Store:
        """See :meth:`AuditCloud.store`."""
        assert where.environment.aws is not None
        return S3Store(names.audit_store, where.retention, region=where.environment.aws.region)

    def anchor(self, bucket: str, prefix: str, retention: Retention) -> S3Store:
        """See :meth:`AuditCloud.anchor`."""
        return S3Store(bucket, retention, prefix=prefix)

    def service_key(self, environment: Environment) -> str | None:
        """See :meth:`AuditCloud.service_key`."""
        assert environment.aws is not None
        return environment.aws.audit_key

    def service_signer(self, origin: str, key: str, environment: Environment) -> AwsKmsSigner:
        """See :meth:`AuditCloud.service_signer`."""
        assert environment.aws is not None
        return AwsKmsSigner(origin, _key_arn(key, environment.aws), region=environment.aws.region)


def _key_arn(key: str, section: AwsCloud) -> str:
    """Spell a key's ARN: whoever reads the log from another account would find an id or alias in their own."""
    import boto3

    if key.startswith("arn:"):
        return key
    partition = boto3.session.Session().get_partition_for_region(section.region)
    return f"arn:{partition}:kms:{section.region}:{section.account_id}:{key if '/' in key else f'key/{key}'}"


ADAPTER = AwsAudit()
